"""The stages as a Kubeflow pipeline: its plan, its compilation, and what a stage does in its pod."""

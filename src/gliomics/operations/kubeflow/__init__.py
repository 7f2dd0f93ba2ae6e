"""The stages as a Kubeflow pipeline: plan, compilation, a stage in its pod; not what a stage computes."""

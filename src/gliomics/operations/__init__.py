"""What stands around a run: servers, Kubeflow, environments; nothing here changes a result."""

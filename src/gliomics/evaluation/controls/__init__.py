"""What an honest figure is held against: permuted labels, the audit, Dataset 2; never a registered model."""

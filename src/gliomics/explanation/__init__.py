"""What drives a score, where a network looks, for whom the model fails; figures and the report."""

"""Networks of the folds: which are trained on whom, and their training; the layers are defined elsewhere."""

"""Networks: where they look, how they are trained inside folds, what they make of a case."""

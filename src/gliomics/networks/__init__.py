"""Networks: where they look, how they are trained in folds, what they make of a case; no arm, no score."""

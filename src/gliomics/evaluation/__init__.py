"""What arms are worth on the same folds: scores, controls, statistics; fitting itself is in `learning`."""

"""Rankings of features, learned on training rows; which features are stable is judged outside."""

"""Arms, their estimators and their honest evaluation."""

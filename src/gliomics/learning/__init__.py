"""What is fitted inside a fold, shaped as in scikit-learn; it knows no cohort and no image."""

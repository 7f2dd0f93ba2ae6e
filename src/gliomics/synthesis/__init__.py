"""Synthetic patients from real training rows, and how far they may be believed; folds are unknown here."""

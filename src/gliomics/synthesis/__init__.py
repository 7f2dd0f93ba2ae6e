"""Synthetic patients from real training rows, and how far they may be believed."""

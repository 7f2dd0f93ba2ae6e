"""Bringing blocks of features together, before or after the classifier; it knows no block by name."""

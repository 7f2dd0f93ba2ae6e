"""Differences between sites or scanners, learned on training rows without the outcome."""

"""Versions of data: the one place that calls git and DVC; versions of models are in `registry`."""

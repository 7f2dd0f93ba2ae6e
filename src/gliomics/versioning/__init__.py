"""Data versions: git and DVC by command line, the one place that calls them."""

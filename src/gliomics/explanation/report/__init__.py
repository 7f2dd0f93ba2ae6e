"""The report of a run: sections in order, one page that opens from disk."""

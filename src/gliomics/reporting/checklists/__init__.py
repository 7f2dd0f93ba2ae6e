"""CLEAR, METRICS and TRIPOD+AI, answered where a run knows the answer; the rest is left for the author."""

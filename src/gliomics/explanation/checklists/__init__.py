"""CLEAR, METRICS and TRIPOD+AI, filled where a run knows the answer and open where a person must."""

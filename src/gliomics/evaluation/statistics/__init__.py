"""Figures of merit, one subject a module: from scores to numbers with intervals; nothing is scored here."""

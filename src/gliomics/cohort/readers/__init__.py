"""Readers of clinical records: one a file, and a line in `registry`; no rule about patients is known here."""

"""Scans: names, reading, orientation, checks, manifest; no feature is measured here."""

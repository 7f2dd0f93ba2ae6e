"""Patients who were not in the cohort: their prediction and monitoring; nothing is fitted here."""

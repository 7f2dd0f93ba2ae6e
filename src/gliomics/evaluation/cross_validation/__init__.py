"""Fitting in the folds and scoring out of them; no figure of merit is computed here."""

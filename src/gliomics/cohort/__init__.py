"""Who is in the study: records, label, eligibility, folds, sites; no image is opened here."""

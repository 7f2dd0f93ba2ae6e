"""Who is in the study: clinical records, label, eligibility, published features and folds."""

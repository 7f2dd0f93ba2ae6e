"""Sources of records and published features, one reader a file; no rule about patients is applied here."""

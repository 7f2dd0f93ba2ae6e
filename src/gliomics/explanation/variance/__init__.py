"""How features vary between and within classes, patients and blocks; no model is asked."""

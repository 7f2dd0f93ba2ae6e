"""The demonstration cohort: synthetic patients in exactly the forms in which real ones come."""

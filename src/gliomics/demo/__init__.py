"""Synthetic patients with known truth, in exactly the forms of real ones; no result depends on this room."""

"""The stages; each is wiring only."""

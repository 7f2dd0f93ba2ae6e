"""Where things come from: content fingerprints."""

"""Where things come from: hashes, fingerprints, case store, journal, locks; git and DVC are not called."""

"""From scans to the crops that networks are shown; no network is run here."""

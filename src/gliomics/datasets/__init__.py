"""The only Kedro datasets of our own."""

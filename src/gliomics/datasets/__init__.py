"""The Kedro datasets of our own: how things are loaded and saved, never what is in them."""

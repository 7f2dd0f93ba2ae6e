"""What drives a score and where a network looks; how it is shown is decided in `reporting`."""

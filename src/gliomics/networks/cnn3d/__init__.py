"""The light 3D CNN; how it is trained is in `networks.training`."""

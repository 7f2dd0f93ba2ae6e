"""Scans: their names, their voxels, and the checks that a case must pass."""

"""The generators of a run, under the name that this package has used for them."""

from gliomics.seeding import generator

__all__ = ["generator"]

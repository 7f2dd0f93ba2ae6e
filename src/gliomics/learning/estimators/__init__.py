"""Parts of recipes that encode or classify; which arm uses which is in `learning.registry`."""

"""Shares of each feature in a score (SHAP), fold by fold; pictures of them are in `reporting`."""

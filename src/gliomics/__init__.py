"""gliomics: explainable, registered and leak-proof models of survival after glioma surgery."""

__version__ = "0.1.0"

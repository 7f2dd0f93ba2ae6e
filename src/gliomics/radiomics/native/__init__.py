"""The native engine: pyradiomics' feature definitions as compiled kernels, without pyradiomics."""

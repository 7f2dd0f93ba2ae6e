"""Handcrafted features of tumour regions, equal to pyradiomics' and many times faster."""

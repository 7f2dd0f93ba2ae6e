"""Handcrafted features of tumour regions, equal to pyradiomics'; no label is seen here."""

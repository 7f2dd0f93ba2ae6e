"""The registration stage."""

from gliomics.pipelines.registration.pipeline import create_pipeline

__all__ = ["create_pipeline"]

"""The ingestion stage."""

from gliomics.pipelines.ingestion.pipeline import create_pipeline

__all__ = ["create_pipeline"]

"""The one seam by which work on many cases fans out, here or on Dask; it does not know the work."""

from gliomics.compute.dask_cluster import close_cluster
from gliomics.compute.local_engine import fresh_workers
from gliomics.compute.lost_items import LOST_CASE, is_needed, lost_case
from gliomics.compute.mapping import map_cases
from gliomics.compute.settings import AdaptiveWorkers, ComputeSettings, TlsFiles

__all__ = [
    "LOST_CASE",
    "AdaptiveWorkers",
    "ComputeSettings",
    "TlsFiles",
    "close_cluster",
    "fresh_workers",
    "is_needed",
    "lost_case",
    "map_cases",
]

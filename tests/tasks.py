"""The task of a cohort with the default label."""

from __future__ import annotations

from gliomics.cohort.outcome import survival_task
from gliomics.cohort.settings import LabelSettings

TASK = survival_task(LabelSettings())

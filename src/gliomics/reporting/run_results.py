"""Everything that a report is written from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gliomics.cohort.outcome import task_of
from gliomics.evaluation.arms import ARMS, CLINICAL_COLUMNS
from gliomics.evaluation.blocks import TRAINED_IN_FOLD
from gliomics.evaluation.results import honest_rows
from gliomics.networks.training.learning import learning_warnings

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from gliomics.cohort.outcome import Task
    from gliomics.explanation.attention.results import GradCamResults

EVALUATED = "evaluated"
TABLE_COHORT = "table"
ARM_NAMES = {
    "clinical": "Clinical",
    "clinical_molecular": "Clinical + molecular",
    "radiomics": "Radiomics",
    "deep": "Deep",
    "fusion": "Fusion",
    "fusion_clinical": "Fusion + clinical",
    "features": "Features",
}
LEAD_ORDER = ("fusion", "radiomics", "deep", "fusion_clinical", "clinical_molecular", "clinical", "features")
"""The arm that the verdict is about: the first of these that could be evaluated."""


@dataclass(frozen=True)
class ShapResults:
    """Attributions of a run.

    Attributes
    ----------
    contributions, fits : DataFrame
        `gliomics.explanation.attribution.shap_values.ShapValues`.
    summary : DataFrame
        `gliomics.explanation.attribution.shap_summary.summarise_shap`.
    facts : dict
        By arm, from the same.
    shown, dependence : int
        Features in a figure, and those whose dependence is drawn.
    """

    contributions: pd.DataFrame
    fits: pd.DataFrame
    summary: pd.DataFrame
    facts: dict[str, Any]
    shown: int
    dependence: int


@dataclass(frozen=True)
class VarianceResults:
    """Variance analysis of a run.

    Attributes
    ----------
    features : DataFrame
        `gliomics.explanation.variance.feature_variance.class_variance`.
    spectra, patches, cells : DataFrame
        `gliomics.explanation.variance.block_variance`: components, patches against patients,
        cross-correlations.
    shared : dict
        What each network and radiomics have in common.
    shown : int
        Features in a figure.
    """

    features: pd.DataFrame
    spectra: pd.DataFrame
    patches: pd.DataFrame
    cells: pd.DataFrame
    shared: dict[str, Any]
    shown: int


@dataclass(frozen=True)
class RunResults:
    """What one run left behind. Only the metrics and the predictions must be there.

    Attributes
    ----------
    metrics : dict
        As in ``metrics.json``.
    predictions : DataFrame
        Of the primary population (`gliomics.evaluation.results.PREDICTION_COLUMNS`).
    lineage : dict or None
        Settings, versions and content hashes (`gliomics.reporting.lineage_record.describe_run`).
    cohort : DataFrame or None
        One row a subject.
    clinical_findings : DataFrame or None
        On whom which rule for clinical records acted (`gliomics.cohort.clinical_rules.FindingsLog.table`).
    case_outcomes : DataFrame or None
        `gliomics.evaluation.failures.join_outcomes`.
    subgroups, errors : DataFrame or None
        `gliomics.evaluation.equity.subgroup_performance` and
        `gliomics.evaluation.failures.worst_errors`.
    stability, acceptance : DataFrame or None
        ``feature_stability`` and ``synthesis_acceptance``.
    checklist : DataFrame or None
        `gliomics.reporting.checklists.checklist.fill_checklists`.
    grad_cam : GradCamResults or None
        Where the networks look.
    shap : ShapResults or None
        What drives the scores.
    variance : VarianceResults or None
        How features vary and what blocks share.
    embedding : dict or None
        ``embedding_summary``: what each network is and how its trainings went.
    """

    metrics: dict[str, Any]
    predictions: pd.DataFrame
    lineage: dict[str, Any] | None = None
    cohort: pd.DataFrame | None = None
    clinical_findings: pd.DataFrame | None = None
    case_outcomes: pd.DataFrame | None = None
    subgroups: pd.DataFrame | None = None
    errors: pd.DataFrame | None = None
    stability: pd.DataFrame | None = None
    acceptance: pd.DataFrame | None = None
    checklist: pd.DataFrame | None = None
    grad_cam: GradCamResults | None = None
    shap: ShapResults | None = None
    variance: VarianceResults | None = None
    embedding: dict[str, Any] | None = None

    @property
    def is_table(self) -> bool:
        """Whether this is a table of ``gliomics evaluate`` and no cohort of patients."""
        return bool(self.metrics["cohort"] == TABLE_COHORT and "groups" in self.metrics)

    @property
    def primary(self) -> str:
        """Name of the primary population."""
        return str(self.metrics["primary_population"])

    @property
    def facts(self) -> dict[str, Any]:
        """Figures of the primary population."""
        found: dict[str, Any] = self.metrics["populations"][self.primary]
        return found

    @property
    def evaluated(self) -> dict[str, dict[str, Any]]:
        """Figures of the evaluated arms of the primary population, in the order of the arms."""
        return evaluated_arms(self.facts)

    @property
    def lead_arm(self) -> str | None:
        """The arm that the verdict is about, or None when nothing was evaluated."""
        return next((arm for arm in LEAD_ORDER if arm in self.evaluated), None)

    @property
    def untrained(self) -> list[str]:
        """Networks with random weights behind any evaluated arm, sorted."""
        named = (figures.get("untrained") or [] for figures in self.evaluated.values())
        return sorted({network for networks in named for network in networks})

    @property
    def not_learned(self) -> list[str]:
        """Warnings of trainings that did not learn, of networks of folds behind any evaluated arm."""
        origins = [origin for figures in self.evaluated.values() for origin in figures.get("networks") or []]
        behind = {origin["sampling"] for origin in origins if origin["weights"] == TRAINED_IN_FOLD}
        rows = (self.embedding or {}).get("cnn3d", {}).get("learning", [])
        return learning_warnings([row for row in rows if row["sampling"] in behind], self.primary)

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of every stage, empty when they are not known."""
        found: dict[str, Any] = (self.lineage or {}).get("settings", {})
        return found

    @property
    def task(self) -> Task:
        """What is predicted, and the words for it."""
        return task_of(self.metrics)

    @property
    def has_grades(self) -> bool:
        """Whether the grade of any patient is known."""
        return self.cohort is not None and bool(self.cohort["grade"].notna().any())

    @property
    def has_lower_grade_glioma(self) -> bool:
        """Whether any patient is known to have a glioma below grade 4."""
        return (
            self.metrics.get("disease") == "glioma"
            and self.cohort is not None
            and bool((self.cohort["grade"].dropna() < 4).any())
        )

    @property
    def clinical_predictors(self) -> str:
        """The predictors of the clinical arm that have values, such as ``age, sex and grade``."""
        left = self.evaluated.get("clinical", {}).get("columns_left_out", [])
        *names, last = (name.removesuffix("_years") for name in CLINICAL_COLUMNS if name not in left)
        return f"{', '.join(names)} and {last}" if names else last

    def honest(self, arm: str, dataset: str = "dataset1") -> pd.DataFrame:
        """Leakage-free predictions of an arm with the observed labels."""
        return honest_rows(self.predictions, arm, dataset)

    def recipe(self, arm: str) -> str:
        """Name of the estimator recipe of an arm."""
        chosen = self.settings.get("modelling", {}).get("recipes", {})
        return str(chosen.get(arm, ARMS[arm].recipe))

    def counts(self, arms: Iterable[str]) -> str:
        """Say of how many cases figures of arms are, once where it is the same of all."""
        parts: dict[int, list[str]] = {}
        for arm in arms:
            parts.setdefault(self.evaluated[arm]["n"], []).append(self.arm_name(arm))
        if len(parts) == 1:
            return f"n = {next(iter(parts))} in every arm."
        return "; ".join(f"{', '.join(names)}: n = {n}" for n, names in parts.items()) + "."

    def with_checklist(self, checklist: pd.DataFrame) -> RunResults:
        """Add the checklists, which are filled from all the rest."""
        return replace(self, checklist=checklist)

    def arm_name(self, arm: str) -> str:
        """Name of an arm for readers."""
        return ARM_NAMES.get(arm, arm)


def evaluated_arms(facts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Select the evaluated arms of a population, in the order of `gliomics.evaluation.arms.ARMS`."""
    arms = facts["arms"]
    return {arm: arms[arm] for arm in ARMS if arms.get(arm, {}).get("status") == EVALUATED}


def value_with_interval(figures: dict[str, Any] | None, digits: int = 2) -> str:
    """Put a figure and its interval into words.

    Examples
    --------
    >>> value_with_interval({"value": 0.784, "low": 0.65, "high": 0.92})
    '0.78 (0.65 to 0.92)'
    >>> value_with_interval({"value": 0.784})
    '0.78'
    """
    if figures is None or figures.get("value") is None:
        return "not estimable"
    value = f"{figures['value']:.{digits}f}"
    if figures.get("low") is None or figures.get("high") is None:
        return value
    return f"{value} ({figures['low']:.{digits}f} to {figures['high']:.{digits}f})"

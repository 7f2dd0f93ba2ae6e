"""What can be set about the evaluation of arms."""

from __future__ import annotations

from pydantic import Field

from gliomics.learning.settings import (
    FrozenSettings,
    FusionSettings,
    HarmonisationSettings,
    SelectionSettings,
    TuningSettings,
)


class BootstrapSettings(FrozenSettings):
    """Percentile intervals of a stratified bootstrap over patients (PROTOCOL 3)."""

    n: int = Field(default=2000, ge=100, le=100_000, description="resamples")
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0)


class PermutationControlSettings(FrozenSettings):
    """The control in which feature rows are reassigned to (label, fold) pairs (PROTOCOL 4)."""

    n: int = Field(default=200, ge=2, le=100_000, description="permutations, B")
    repeats: int = Field(default=1, ge=1, le=1000, description="repeats of the folds that each is scored on")


class ComparisonSettings(FrozenSettings):
    """Paired tests between arms (PROTOCOL 3)."""

    permutations: int = Field(default=2000, ge=100, le=100_000, description="swaps of each paired test")


class Dataset2Settings(FrozenSettings):
    """Dataset 2: synthetic rows in the training folds, real patients scored."""

    arms: tuple[str, ...] = Field(default=("radiomics", "fusion"), description="arms it is made for")
    permutations: int = Field(default=20, ge=2, description="of its own control, at one repeat")


class AuditSettings(FrozenSettings):
    """The audit ``augment_before_split``, which shows a leak and can never be registered (PROTOCOL 4)."""

    estimators: tuple[str, ...] = Field(
        default=("random_forest", "svm_rbf"), description="besides the arm's own, with fixed defaults"
    )
    repeats: int = Field(default=3, ge=1, description="splits of the augmented table")
    permutations: int = Field(default=10, ge=1, description="with permuted labels, at one split each")


class FinalModelSettings(FrozenSettings):
    """The model of an arm on all labelled patients."""

    refits: int = Field(
        default=50, ge=0, le=1000, description="on resamples of patients; the interval of a prediction"
    )
    confidence: float = Field(default=0.9, gt=0.5, lt=1.0, description="of that interval")


class ClassLimits(FrozenSettings):
    """The smallest class that an evaluation is attempted with, besides one patient a fold."""

    min_minority: int = Field(default=2, ge=2)


class SurvivalSettings(FrozenSettings):
    """Survival times beside the label: the censored are scored too."""

    cox_penalty: float = Field(default=0.1, gt=0.0, le=100.0, description="ridge of the Cox baseline")
    min_deaths: int = Field(default=10, ge=2, description="below this many no Cox model is fitted")


class ModellingSettings(FrozenSettings):
    """All settings under the parameter ``modelling``."""

    recipes: dict[str, str] = Field(default={}, description="estimator of an arm, where not its own")
    selection: SelectionSettings = SelectionSettings()
    harmonisation: HarmonisationSettings = HarmonisationSettings()
    bootstrap: BootstrapSettings = BootstrapSettings()
    permutation_control: PermutationControlSettings = PermutationControlSettings()
    tuning: TuningSettings = TuningSettings()
    fusion: FusionSettings = FusionSettings()
    class_limits: ClassLimits = ClassLimits()
    comparisons: ComparisonSettings = ComparisonSettings()
    dataset2: Dataset2Settings = Dataset2Settings()
    audit: AuditSettings = AuditSettings()
    survival: SurvivalSettings = SurvivalSettings()
    final_model: FinalModelSettings = FinalModelSettings()

"""What can be set about the evaluation of arms."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BootstrapSettings(_Frozen):
    """Percentile intervals of a stratified bootstrap over patients (PROTOCOL 3)."""

    n: int = Field(default=2000, ge=100, le=100_000, description="resamples")
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0)


class PermutationControlSettings(_Frozen):
    """The control in which feature rows are reassigned to (label, fold) pairs (PROTOCOL 4)."""

    n: int = Field(default=200, ge=2, le=100_000, description="permutations, B")
    repeats: int = Field(default=1, ge=1, le=1000, description="repeats of the folds that each is scored on")


class TuningSettings(_Frozen):
    """Nested tuning of an arm's estimator (PROTOCOL 2)."""

    max_inner_folds: int = Field(default=5, ge=2, le=20)
    small_sample_minority: int = Field(
        default=20, ge=2, description="below this many minority training patients few candidates compete"
    )
    max_candidates_small_sample: int = Field(default=6, ge=1, le=6)


class ComparisonSettings(_Frozen):
    """Paired tests between arms (PROTOCOL 3)."""

    permutations: int = Field(default=2000, ge=100, le=100_000, description="swaps of each paired test")


class Dataset2Settings(_Frozen):
    """Dataset 2: synthetic rows in the training folds, real patients scored."""

    arms: tuple[str, ...] = Field(default=("radiomics", "fusion"), description="arms it is made for")
    permutations: int = Field(default=20, ge=2, description="of its own control, at one repeat")


class AuditSettings(_Frozen):
    """The audit ``augment_before_split``, which shows a leak and can never be registered (PROTOCOL 4)."""

    estimators: tuple[str, ...] = Field(
        default=("random_forest", "svm_rbf"), description="besides the arm's own, with fixed defaults"
    )
    repeats: int = Field(default=3, ge=1, description="splits of the augmented table")
    permutations: int = Field(default=10, ge=1, description="with permuted labels, at one split each")


class FinalModelSettings(_Frozen):
    """The model of an arm on all labelled patients."""

    refits: int = Field(
        default=50, ge=0, le=1000, description="on resamples of patients; the interval of a prediction"
    )
    confidence: float = Field(default=0.9, gt=0.5, lt=1.0, description="of that interval")


class ClassLimits(_Frozen):
    """The smallest class that an evaluation is attempted with, besides one patient a fold."""

    min_minority: int = Field(default=2, ge=2)


class ModellingSettings(_Frozen):
    """All settings under the parameter ``modelling``."""

    recipes: dict[str, str] = Field(default={}, description="estimator of an arm, where not its own")
    bootstrap: BootstrapSettings = BootstrapSettings()
    permutation_control: PermutationControlSettings = PermutationControlSettings()
    tuning: TuningSettings = TuningSettings()
    class_limits: ClassLimits = ClassLimits()
    comparisons: ComparisonSettings = ComparisonSettings()
    dataset2: Dataset2Settings = Dataset2Settings()
    audit: AuditSettings = AuditSettings()
    final_model: FinalModelSettings = FinalModelSettings()

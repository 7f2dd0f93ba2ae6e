"""What can be set about the evaluation of arms."""

from __future__ import annotations

from typing import Literal

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


class FusionSettings(_Frozen):
    """How the blocks of a fusion arm are brought together (`gliomics.prediction.fusion`)."""

    mode: Literal["early", "late", "average", "tuned"] = Field(
        default="early", description="tuned: the three compete in the inner loop"
    )
    reduction: Literal["selection", "pca"] = Field(default="selection", description="of each block")


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


class StabilityFilterSettings(_Frozen):
    """The filter that leaves out features which follow the segmentation (PROTOCOL 6)."""

    enabled: bool = False
    min_icc: float = Field(default=0.75, ge=0.0, le=1.0, description="smallest lower limit of ICC(2,1)")


class SelectionSettings(_Frozen):
    """Which features an arm's estimator is given; learned in each fold and inner split."""

    methods: dict[str, str] = Field(default={}, description="ranking of an arm, where not ANOVA")
    max_correlation: float = Field(default=0.9, gt=0.0, le=1.0, description="between two kept features")
    max_constant_share: float = Field(
        default=1.0, ge=0.5, le=1.0, description="of rows with one value; 1 leaves out constants only"
    )
    neighbours: int = Field(default=3, ge=1, le=50, description="of mutual_information")
    pairs: int = Field(default=25, ge=2, le=1000, description="halvings of lasso_stability")
    stability: StabilityFilterSettings = StabilityFilterSettings()


class HarmonisationSettings(_Frozen):
    """Differences between sites or scanners, estimated on training rows without the outcome (PROTOCOL 6)."""

    method: Literal["none", "combat"] = "none"
    batch: str = Field(default="site", description="site (of the TCGA barcode), or a column of the cohort")
    min_batch_rows: int = Field(default=5, ge=2, description="smaller batches pass as they are")


class SurvivalSettings(_Frozen):
    """Survival times beside the label: the censored are scored too."""

    cox_penalty: float = Field(default=0.1, gt=0.0, le=100.0, description="ridge of the Cox baseline")
    min_deaths: int = Field(default=10, ge=2, description="below this many no Cox model is fitted")


class ModellingSettings(_Frozen):
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

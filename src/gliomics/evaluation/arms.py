"""The arms: which columns each may learn from, and what it needs to exist."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import pandas as pd

from gliomics.errors import FeatureTableError, LeakageError, look_up
from gliomics.evaluation.blocks import AbsentBlock, EmbeddingBlock
from gliomics.learning.harmonisation.batches import BATCH_COLUMN
from gliomics.learning.registry import get_recipe
from gliomics.learning.selection.selectors import with_selection
from gliomics.learning.selection.stability_filter import StabilityJudge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gliomics.evaluation.settings import ModellingSettings
    from gliomics.learning.recipes import Recipe

Block: TypeAlias = "pd.DataFrame | EmbeddingBlock | StabilityJudge | AbsentBlock"
"""A table with one row a patient, deep features, which may depend on the fold, what judges columns, or why
there is nothing."""

CLINICAL_COLUMNS = ("age_years", "sex", "grade")
MOLECULAR_COLUMNS = ("idh", "codel_1p19q", "mgmt", "kps")
NEVER_PREDICTORS = frozenset(
    {
        "chemotherapy",
        "radiotherapy",
        "extent_of_resection",
        "os_days",
        "death_observed",
        "benefit",
        "exclusion_reason",
    }
)
"""Treatment, what is known only after the operation, and the outcome itself (PROTOCOL 1)."""


@dataclass(frozen=True)
class ArmDefinition:
    """What an arm learns from.

    Attributes
    ----------
    name : str
        Its name in the registry.
    recipe : str
        The estimator recipe that it is fitted with.
    cohort_columns : tuple of str
        Columns taken from the cohort where they exist.
    any_of : tuple of str
        At least one of these cohort columns must hold a value, else the arm is skipped.
    required_blocks, optional_blocks : tuple of str
        Feature tables that it needs, and that it adds when they exist.
    measured : str or None
        The table among these whose columns can be filtered by stability and harmonised between batches.
    """

    name: str
    recipe: str
    cohort_columns: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    required_blocks: tuple[str, ...] = ()
    optional_blocks: tuple[str, ...] = ()
    measured: str | None = None


ARMS: Mapping[str, ArmDefinition] = {
    "clinical": ArmDefinition(
        name="clinical", recipe="logistic", cohort_columns=CLINICAL_COLUMNS, any_of=CLINICAL_COLUMNS
    ),
    "clinical_molecular": ArmDefinition(
        name="clinical_molecular",
        recipe="logistic",
        cohort_columns=CLINICAL_COLUMNS + MOLECULAR_COLUMNS,
        any_of=MOLECULAR_COLUMNS,
    ),
    "radiomics": ArmDefinition(
        name="radiomics",
        recipe="ranked_logistic",
        required_blocks=("radiomics",),
        optional_blocks=("region_presence",),
        measured="radiomics",
    ),
    "deep": ArmDefinition(name="deep", recipe="ranked_logistic", required_blocks=("embeddings",)),
    "fusion": ArmDefinition(
        name="fusion",
        recipe="fused_logistic",
        required_blocks=("radiomics", "embeddings"),
        optional_blocks=("region_presence",),
        measured="radiomics",
    ),
    "fusion_clinical": ArmDefinition(
        name="fusion_clinical",
        recipe="fused_logistic",
        cohort_columns=CLINICAL_COLUMNS,
        any_of=CLINICAL_COLUMNS,
        required_blocks=("radiomics", "embeddings"),
        optional_blocks=("region_presence",),
        measured="radiomics",
    ),
    # The columns of any table (`gliomics evaluate`); a cohort has no such block.
    "features": ArmDefinition(
        name="features", recipe="ranked_logistic", required_blocks=("features",), measured="features"
    ),
}
"""Every arm that can be asked for."""


@dataclass(frozen=True)
class ArmTable:
    """The predictors of an arm.

    Attributes
    ----------
    arm : str
        Name of the arm.
    X : DataFrame
        Indexed by subject_id, sorted; one column a predictor. Vectors of fold networks are not among them.
    columns_left_out : tuple of str
        Cohort columns that the arm could use but that hold no value for any patient.
    subjects_without_row : tuple of str
        Patients who are in none of a required block's rows; the arm cannot score them.
    embeddings : EmbeddingBlock or None
        The arm's deep features, when it uses any.
    sizes : tuple of int
        Number of columns of each block that is fused, in the order of the columns: clinical, radiomics, deep.
        Vectors of fold networks, which follow the columns of `X`, count as deep. The batch, which is the last
        column of `X` where there is one, is no feature and counts nowhere: it is gone before the fusion.
    radiomic_columns : tuple of str
        The columns that can be filtered by stability and harmonised: those of the arm's `measured` block.
    stable : StabilityJudge or None
        From the block ``stability``.
    """

    arm: str
    X: pd.DataFrame
    columns_left_out: tuple[str, ...] = field(default=())
    subjects_without_row: tuple[str, ...] = field(default=())
    embeddings: EmbeddingBlock | None = None
    sizes: tuple[int, ...] = ()
    radiomic_columns: tuple[str, ...] = ()
    stable: StabilityJudge | None = None

    @property
    def batches(self) -> list[str]:
        """Names of the batches that occur, sorted; none when the arm knows no batch."""
        return sorted(map(str, self.X[BATCH_COLUMN].dropna().unique())) if BATCH_COLUMN in self.X else []

    @property
    def columns(self) -> list[str]:
        """Names of all predictors: the columns of `X`, then those of fold networks."""
        deep = self.embeddings
        return [*map(str, self.X.columns), *(deep.columns_of_folds if deep is not None else ())]

    @property
    def depends_on_fold(self) -> bool:
        """Whether some of its features come from networks that were trained inside the folds."""
        return self.embeddings is not None and self.embeddings.depends_on_fold


@dataclass(frozen=True)
class ArmSkipped:
    """An arm that was asked for and cannot be evaluated, and why."""

    arm: str
    reason: str


def get_arm(name: str) -> ArmDefinition:
    """Look an arm up.

    Raises
    ------
    SettingsError
        If there is none of this name; lists the valid ones.
    """
    return look_up(ARMS, name, where="arms", what="arm")


def assemble_arm(name: str, cohort: pd.DataFrame, blocks: Mapping[str, Block]) -> ArmTable | ArmSkipped:
    """Gather the predictors of an arm for some patients.

    Parameters
    ----------
    name : str
        A name in `ARMS`.
    cohort : DataFrame
        The patients, one row each, with ``subject_id`` and the clinical columns.
    blocks : mapping of str to DataFrame or EmbeddingBlock
        Feature tables, each with ``subject_id``, and ``embeddings``; left out, or an `AbsentBlock` with the
        reason, when the cohort has none. ``batch`` (`gliomics.learning.harmonisation.batches.batch_block`)
        and ``stability`` serve arms of radiomics.

    Returns
    -------
    ArmTable or ArmSkipped
        The predictors, or the reason why there are none.

    Raises
    ------
    SettingsError
        If there is no arm of this name.
    FeatureTableError
        If a feature table has several rows for a patient.
    LeakageError
        If a feature table carries treatment, outcome or another column that may never predict.
    """
    arm = get_arm(name)
    people = cohort.set_index("subject_id").sort_index()
    given = [c for c in arm.cohort_columns if c in people.columns and bool(people[c].notna().any())]
    if arm.any_of and not set(given) & set(arm.any_of):
        return ArmSkipped(name, f"no patient has a value of {', '.join(arm.any_of)}")
    absent = [_with_reason(block, blocks) for block in arm.required_blocks if _is_absent(block, blocks)]
    if absent:
        return ArmSkipped(name, f"the cohort has no {', '.join(absent)}")
    joined = _join_blocks(arm, people.index, blocks)
    features = pd.concat(joined, axis=1)
    X = pd.concat([people.loc[features.index, given], features], axis=1)
    _refuse_forbidden(name, X)
    if features.index.empty or (X.empty and "embeddings" not in arm.required_blocks):
        return ArmSkipped(name, f"no patient has a row in {', '.join(arm.required_blocks)}")
    deep = blocks.get("embeddings") if "embeddings" in arm.required_blocks else None
    embeddings = deep if isinstance(deep, EmbeddingBlock) else None
    judge = blocks.get("stability")
    measured = _by_subject(arm.measured, blocks[arm.measured]).columns if arm.measured else ()
    if arm.measured and "batch" in blocks:
        X = X.assign(**{BATCH_COLUMN: _by_subject("batch", blocks["batch"])[BATCH_COLUMN].reindex(X.index)})
    return ArmTable(
        arm=name,
        X=X,
        columns_left_out=tuple(c for c in arm.cohort_columns if c not in given),
        subjects_without_row=tuple(people.index.difference(features.index)),
        embeddings=embeddings,
        sizes=_sizes(len(given), joined, embeddings),
        radiomic_columns=tuple(map(str, measured)),
        stable=judge if isinstance(judge, StabilityJudge) and arm.measured else None,
    )


def recipe_of(table: ArmTable, settings: ModellingSettings, seed: int, name: str | None = None) -> Recipe:
    """Find the recipe that an arm is fitted with, told of the arm's blocks, how to fuse and how to select.

    Parameters
    ----------
    table : ArmTable
        The predictors.
    settings : ModellingSettings
        May name another recipe or another ranking for the arm.
    seed : int
        The run's seed, for rankings that draw.
    name : str, optional
        Recipe that overrules both the settings and the arm.

    Returns
    -------
    Recipe
        Ready to be tuned.
    """
    own = settings.recipes.get(table.arm, get_arm(table.arm).recipe)
    recipe = get_recipe(name or own).for_blocks(table.sizes, settings.fusion)
    return with_selection(recipe, table.arm, settings.selection, seed)


def _is_absent(block: str, blocks: Mapping[str, Block]) -> bool:
    return block not in blocks or isinstance(blocks[block], AbsentBlock)


def _with_reason(block: str, blocks: Mapping[str, Block]) -> str:
    absent = blocks.get(block)
    return f"{block} ({absent.reason})" if isinstance(absent, AbsentBlock) else block


def _sizes(clinical: int, joined: list[pd.DataFrame], embeddings: EmbeddingBlock | None) -> tuple[int, ...]:
    """Count the columns of each part that is fused; a part without columns is none."""
    handcrafted, deep = (part.shape[1] for part in joined)
    if embeddings is not None:
        deep += len(embeddings.columns_of_folds)
    return tuple(size for size in (clinical, handcrafted, deep) if size)


def _join_blocks(arm: ArmDefinition, subjects: pd.Index, blocks: Mapping[str, Block]) -> list[pd.DataFrame]:
    """Rows of the patients whom every required block knows: handcrafted columns, then frozen deep ones."""
    tables = {name: _by_subject(name, blocks[name]) for name in arm.required_blocks}
    tables |= {name: _by_subject(name, blocks[name]) for name in arm.optional_blocks if name in blocks}
    for name in arm.required_blocks:
        subjects = subjects[subjects.isin(tables[name].index)]
    subjects = subjects.sort_values()
    parts = [[t for name, t in tables.items() if (name == "embeddings") == deep] for deep in (False, True)]
    return [
        pd.concat([pd.DataFrame(index=subjects), *(t.reindex(subjects) for t in part)], axis=1)
        for part in parts
    ]


def _by_subject(name: str, block: Block) -> pd.DataFrame:
    if isinstance(block, EmbeddingBlock):
        return block.frozen
    if not isinstance(block, pd.DataFrame):
        raise FeatureTableError(
            where=name,
            expected="the block must be a table",
            got=type(block).__name__,
            fix="Give a DataFrame.",
        )
    repeated = block.loc[block["subject_id"].duplicated(), "subject_id"]
    if not repeated.empty:
        raise FeatureTableError(
            where=name,
            expected="each patient must have one row",
            got=f"several rows for {', '.join(map(str, repeated.unique()[:5]))}",
            fix="Keep one row a patient.",
        )
    return block.set_index("subject_id")


def _refuse_forbidden(name: str, X: pd.DataFrame) -> None:
    forbidden = sorted(NEVER_PREDICTORS.intersection(X.columns))
    if forbidden:
        raise LeakageError(
            where=f"arm {name}",
            expected="treatment, outcome and what is known only after the operation may never predict",
            got=f"predictor {', '.join(forbidden)}",
            fix="Remove the column from the feature table.",
        )

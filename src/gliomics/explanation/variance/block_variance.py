"""Blocks of features as wholes: components, patches against patients, what two blocks share."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gliomics.evaluation.blocks import VECTOR_PREFIX
from gliomics.explanation.feature_groups import NO_PART, group_of
from gliomics.explanation.variance.complementarity import (
    cca_against_permutations,
    cka_against_permutations,
    cross_correlations,
    map_against_permutations,
    permuted_rows,
    principal_components,
    standardised,
)
from gliomics.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from gliomics.explanation.variance.variance_settings import VarianceSettings

MIN_PATIENTS = 10
RADIOMICS = "radiomics"
MAX_COMPONENTS = 20
SPECTRUM_COLUMNS = ("block", "component", "share", "permuted_limit", "n", "columns", "networks")
VARIATION_COLUMNS = (
    "network",
    "sampling",
    "weights",
    "repeat",
    "fold",
    "dimension",
    "n_patients",
    "n_patches",
    "within",
    "between",
    "share_between",
)
MAP_COLUMNS = ("network", "group", "component", "correlation", "limit")
FOLD_NETWORK_NOTE = (
    "Vectors of different networks share no coordinates: what is said of a network that was trained inside "
    "the folds is computed within each network of the first repeat, on all patients, and averaged over its "
    "folds. Its training patients are among them, so that it is in-sample."
)


@dataclass(frozen=True)
class NetworkBlock:
    """Vectors of one network, or of the networks of one repeat's folds.

    Attributes
    ----------
    name : str
        ``<network>, <sampling>``.
    weights : str
        What the network's weights are.
    vectors : list of DataFrame
        Indexed by subject_id; one table a network.
    """

    name: str
    weights: str
    vectors: list[pd.DataFrame]

    @property
    def of_folds(self) -> bool:
        """Whether it was trained inside the folds."""
        return len(self.vectors) > 1


def network_blocks(embeddings: pd.DataFrame) -> list[NetworkBlock]:
    """Sort the table of embeddings by network; fold networks are those of the first repeat.

    Parameters
    ----------
    embeddings : DataFrame
        As the embedding stage writes it; rows of permuted labels are passed over.

    Returns
    -------
    list of NetworkBlock
        Sorted by network and sampling; empty when there are no embeddings.
    """
    observed = embeddings[embeddings["permutation"] == 0] if len(embeddings) else embeddings
    blocks = []
    for (network, sampling), rows in (
        observed.groupby(["network", "sampling"], sort=True) if len(observed) else ()
    ):
        kept = _first_repeat(rows)
        columns = [c for c in kept.columns if c.startswith(VECTOR_PREFIX) and kept[c].notna().any()]
        folds = kept["fold"].fillna(-1)
        vectors = [
            one.set_index("subject_id")[columns].sort_index().astype("float64")
            for _, one in kept.groupby(folds, sort=True)
        ]
        blocks.append(
            NetworkBlock(
                f"{network}, {str(sampling).replace('_', ' ')}", str(rows["weights"].iloc[0]), vectors
            )
        )
    return blocks


def _first_repeat(rows: pd.DataFrame) -> pd.DataFrame:
    return rows if rows["repeat"].isna().all() else rows[rows["repeat"] == rows["repeat"].min()]


def component_spectra(
    radiomics: pd.DataFrame, networks: Sequence[NetworkBlock], settings: VarianceSettings, seed: int
) -> pd.DataFrame:
    """Share of the variance of each block's leading components, against columns permuted one by one.

    Parameters
    ----------
    radiomics : DataFrame
        Indexed by subject_id, one column a feature; may be empty.
    networks : sequence of NetworkBlock
        From `network_blocks`.
    settings : VarianceSettings
        Permutations and quantile.
    seed : int
        The run's seed.

    Returns
    -------
    DataFrame
        `SPECTRUM_COLUMNS`; ``permuted_limit`` is what a component must exceed to hold more than unrelated
        columns would; ``networks`` counts the fold networks that a share is the mean of.

    References
    ----------
    Horn, A rationale and test for the number of factors in factor analysis, Psychometrika 30, 1965.
    """
    tables = {RADIOMICS: [radiomics]} | {block.name: block.vectors for block in networks}
    parts = []
    for number, (name, members) in enumerate(tables.items()):
        matrices = [
            standardised(table.to_numpy(dtype=np.float64)) for table in members if len(table) >= MIN_PATIENTS
        ]
        if not matrices or not matrices[0].size:
            continue
        rng = generator(seed, "component spectra", number)
        shares = _mean_of([_leading(X) for X in matrices])
        permuted = [_leading(_unrelated(matrices[0], rng)) for _ in range(settings.permutations)]
        limits = np.quantile(np.stack(_padded(permuted)), settings.confidence, axis=0)[: len(shares)]
        parts.append(
            pd.DataFrame(
                {
                    "block": name,
                    "component": np.arange(1, len(shares) + 1),
                    "share": shares,
                    "permuted_limit": limits,
                    "n": len(matrices[0]),
                    "columns": matrices[0].shape[1],
                    "networks": len(matrices),
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(SPECTRUM_COLUMNS))


def patch_variation(
    embeddings: pd.DataFrame, patch_variance: pd.DataFrame, pooling: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """Compare the variance over the patches of a patient with that between patients, dimension by dimension.

    One-way random effects: the variance of the patients' means holds 1 / patches of the variance within them,
    which is taken off (and ends at 0).

    Parameters
    ----------
    embeddings, patch_variance : DataFrame
        As the embedding stage writes them.
    pooling : mapping of str to sequence of str
        Of each network: where among its columns the means over patches stand.

    Returns
    -------
    DataFrame
        `VARIATION_COLUMNS`, one row a network and dimension. ``within``: mean over patients of the variance
        over patches; ``between``: variance between patients; ``share_between`` of their sum. Networks that
        pool without a mean are not in it.
    """
    parts: list[pd.DataFrame] = []
    keys = ["network", "sampling", "weights", "permutation", "repeat", "fold"]
    variances = _first_repeats(patch_variance)
    for place, rows in variances.groupby(keys, dropna=False, sort=True) if len(variances) else ():
        network, sampling, weights, _, repeat, fold = place
        if "mean" not in pooling.get(str(network), ()):
            continue
        dimensions = [c for c in rows.columns if c.startswith("var_") and rows[c].notna().any()]
        start = list(pooling[str(network)]).index("mean") * len(dimensions)
        own = embeddings[_at(embeddings, keys, place)].set_index("subject_id")
        pooled = own.loc[
            rows["subject_id"], [f"{VECTOR_PREFIX}{start + d:03d}" for d in range(len(dimensions))]
        ]
        n_patches = float(rows["n_patches"].mean())
        within = rows[dimensions].to_numpy(dtype=np.float64).mean(axis=0)
        raw = (
            pooled.to_numpy(dtype=np.float64).var(axis=0, ddof=1)
            if len(rows) > 1
            else np.full(len(within), np.nan)
        )
        between = np.maximum(raw - within / n_patches, 0.0)
        total = within + between
        parts.append(
            pd.DataFrame(
                {
                    "network": network,
                    "sampling": sampling,
                    "weights": weights,
                    "repeat": repeat,
                    "fold": fold,
                    "dimension": np.arange(len(dimensions)),
                    "n_patients": len(rows),
                    "n_patches": n_patches,
                    "within": within,
                    "between": between,
                    "share_between": np.divide(
                        between, total, out=np.full(len(total), np.nan), where=total > 0
                    ),
                }
            ).astype({"repeat": "Int64", "fold": "Int64"})
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(VARIATION_COLUMNS))


def complementarity(
    radiomics: pd.DataFrame, networks: Sequence[NetworkBlock], settings: VarianceSettings, seed: int
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Say how much radiomics and each network's vectors have in common, against permuted patients.

    Parameters
    ----------
    radiomics : DataFrame
        Indexed by subject_id.
    networks : sequence of NetworkBlock
        From `network_blocks`.
    settings : VarianceSettings
        Permutations, quantile, components of the canonical correlation.
    seed : int
        The run's seed.

    Returns
    -------
    dict
        For each network ``status`` and, when computed, ``n``, ``networks``, and of ``cka``, ``cca`` and
        ``cross_correlation`` the value, the limit, the permuted mean and the p-value.
    DataFrame
        `MAP_COLUMNS`: correlation of each radiomic group's first component with the network's components.
        Of fold networks the first fold's alone, since another's components are other quantities.

    References
    ----------
    See `gliomics.explanation.variance.complementarity`; CCA on leading components: Raghu et al., SVCCA,
    NeurIPS 2017.
    """
    found: dict[str, Any] = {}
    maps = []
    for number, block in enumerate(networks):
        shared = radiomics.index.intersection(block.vectors[0].index).sort_values()
        if len(shared) < MIN_PATIENTS or radiomics.empty:
            found[block.name] = {
                "status": "not computed",
                "reason": f"{len(shared)} patients have both blocks",
            }
            continue
        orders = permuted_rows(len(shared), settings.permutations, generator(seed, "complementarity", number))
        figures, cells = _compare(radiomics.loc[shared], block, orders, settings)
        found[block.name] = {"status": "computed", "n": len(shared), "weights": block.weights, **figures}
        maps.append(cells.assign(network=block.name))
    table = (
        pd.concat(maps, ignore_index=True)[list(MAP_COLUMNS)]
        if maps
        else pd.DataFrame(columns=list(MAP_COLUMNS))
    )
    return found, table


def _compare(
    radiomics: pd.DataFrame, block: NetworkBlock, orders: NDArray[np.intp], settings: VarianceSettings
) -> tuple[dict[str, Any], pd.DataFrame]:
    X = standardised(radiomics.to_numpy(dtype=np.float64))
    Ys = [standardised(table.loc[radiomics.index].to_numpy(dtype=np.float64)) for table in block.vectors]
    k, level = settings.components, settings.confidence
    x = principal_components(X)[0][:, :k]
    ys = [principal_components(Y)[0][:, :k] for Y in Ys]
    groups, names = _group_components(radiomics)
    cca = cca_against_permutations(x, ys, orders, level)
    cells = map_against_permutations(groups, ys[0], orders, level)
    correlations = cross_correlations(groups, ys[0])
    table = pd.DataFrame(
        {
            "group": np.repeat(names, correlations.shape[1]),
            "component": np.tile(np.arange(1, correlations.shape[1] + 1), len(names)),
            "correlation": correlations.ravel(),
            "limit": cells.limit,
        }
    )
    return {
        "networks": len(Ys),
        "components": k,
        "permutations": len(orders),
        "confidence": level,
        "cka": asdict(cka_against_permutations(X, Ys, orders, level)),
        "cca": asdict(cca),
        "cross_correlation": asdict(cells),
    }, table


def _group_components(radiomics: pd.DataFrame) -> tuple[NDArray[np.float64], list[str]]:
    """First component of each (region, family) of the handcrafted features, signed like its mean feature."""
    members: dict[str, list[str]] = {}
    for column in map(str, radiomics.columns):
        group = group_of(column)
        region = "" if group.region == NO_PART else f"{group.region} "
        members.setdefault(f"{region}{group.family}", []).append(column)
    scores, names = [], []
    for name, columns in sorted(members.items()):
        X = standardised(radiomics[columns].to_numpy(dtype=np.float64))
        if not X.shape[1]:
            continue
        first = principal_components(X)[0][:, 0]
        scores.append(first * (-1.0 if first @ X.mean(axis=1) < 0 else 1.0))
        names.append(name)
    return np.column_stack(scores), names


def _leading(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares of the leading components from the smaller cross-product matrix."""
    product = X @ X.T if len(X) <= X.shape[1] else X.T @ X
    values = np.maximum(np.linalg.eigvalsh(product)[::-1], 0.0)
    return np.asarray((values / values.sum())[: min(MAX_COMPONENTS, len(X) - 1, X.shape[1])])


def _unrelated(X: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    return np.asarray(rng.permuted(X, axis=0))


def _padded(rows: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    width = max(map(len, rows))
    return [np.pad(row, (0, width - len(row))) for row in rows]


def _mean_of(rows: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.asarray(np.mean(_padded(rows), axis=0))


def _first_repeats(variances: pd.DataFrame) -> pd.DataFrame:
    first = variances.groupby(["network", "sampling"])["repeat"].transform("min")
    return variances[variances["repeat"].isna() | (variances["repeat"] == first)]


def _at(table: pd.DataFrame, keys: list[str], place: tuple[Any, ...]) -> pd.Series:
    """Mark the rows at a place; a missing repeat or fold equals a missing one."""
    marks = pd.Series(data=True, index=table.index)
    for key, value in zip(keys, place, strict=True):
        marks &= (
            table[key].isna() if pd.isna(value) else (table[key] == value).fillna(value=False).astype(bool)
        )
    return marks

"""Figures of the variance analysis: effect sizes, spectra, patches against patients, cross-correlations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator, NullFormatter, PercentFormatter

from gliomics.reporting.figures.shap_figures import shortened
from gliomics.reporting.figures.style import FAINT, GRID, INK, to_svg

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8a93a0", "#1c2430")
"""One a block or network, in their order in the tables."""


def draw_effects(name: str, features: pd.DataFrame, shown: int) -> str:
    """Draw the effect size and the share between classes of the features with the largest share."""
    rows = features.sort_values("share_between", ascending=False, kind="stable").head(shown).iloc[::-1]

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        places = np.arange(len(rows))
        found = rows["q_value"].to_numpy() < 0.05
        left.barh(places, rows["share_between"], height=0.62, color=np.where(found, COLOURS[0], FAINT))
        right.axvline(0.0, color=FAINT, linewidth=0.9)
        right.scatter(rows["hedges_g"], places, s=16, color=np.where(found, COLOURS[0], FAINT))
        left.set_yticks(places, [shortened(str(f), 30) for f in rows["feature"]], fontsize=7)
        left.set_xlabel("share between classes")
        right.margins(x=0.15)
        right.set_xlabel("Hedges' g (long - short)")
        for axes in (left, right):
            axes.grid(visible=False, axis="y")
            axes.tick_params(axis="y", length=0)

    return to_svg(name, 0.8 + 0.235 * len(rows), draw)


def draw_effect_distribution(name: str, features: pd.DataFrame) -> str:
    """Draw the p-values of all features: flat where nothing differs."""
    p = features["p_value"].dropna().to_numpy(dtype=np.float64)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.hist(p, bins=[number / 20 for number in range(21)], color=COLOURS[0], alpha=0.8)
        axes.axhline(len(p) / 20.0, color=INK, linewidth=1.0, linestyle=":")
        axes.set_xlabel("p-value of the difference (dotted: no feature differs)")
        axes.set_ylabel("features")

    return to_svg(name, 2.2, draw)


def draw_spectra(name: str, spectra: pd.DataFrame) -> str:
    """Draw the share of each component, and the limit of unrelated columns as a dotted line."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for colour, (block, rows) in zip(COLOURS, spectra.groupby("block", sort=False), strict=False):
            axes.plot(rows["component"], rows["share"], marker="o", markersize=2.5, color=colour, label=block)
            axes.plot(rows["component"], rows["permuted_limit"], color=colour, linestyle=":", linewidth=1.0)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("component")
        axes.set_ylabel("share of variance")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(fontsize=7)

    return to_svg(name, 2.8, draw)


def draw_patches(name: str, patches: pd.DataFrame) -> str:
    """Draw how much of a dimension's variance lies between patients, as cumulative share of dimensions."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for colour, (network, rows) in zip(COLOURS, patches.groupby("network", sort=True), strict=False):
            shares = np.sort(rows["share_between"].dropna().to_numpy(dtype=np.float64))
            axes.step(
                shares,
                np.arange(1, len(shares) + 1) / max(1, len(shares)),
                color=colour,
                label=str(network),
                where="post",
            )
        axes.axvline(0.5, color=FAINT, linewidth=0.9)
        axes.set_xlim(0.0, 1.0)
        axes.set_ylim(0.0, 1.02)
        axes.set_xlabel("share of variance between patients (rest: over a patient's patches)")
        axes.set_ylabel("share of dimensions")
        axes.legend(fontsize=7)

    return to_svg(name, 2.5, draw)


def draw_cross_correlations(name: str, cells: pd.DataFrame) -> str:
    """Draw the map of one network; cells beyond the limit of permuted patients carry their value."""
    table = cells.pivot_table(index="group", columns="component", values="correlation", sort=False)
    limit = float(cells["limit"].iloc[0])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        shown = axes.imshow(table.to_numpy(), cmap="PuOr", vmin=-1.0, vmax=1.0, aspect="auto")
        for (row, column), value in np.ndenumerate(table.to_numpy()):
            if abs(value) > limit:
                axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7, color=_on(value))
        axes.set_yticks(np.arange(len(table)), list(table.index), fontsize=7)
        axes.set_xticks(np.arange(table.shape[1]), list(table.columns))
        axes.set_xlabel("component of the network's vectors")
        axes.grid(visible=False)
        axes.set_xticks(np.arange(table.shape[1] + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(len(table) + 1) - 0.5, minor=True)
        axes.grid(visible=True, which="minor", color=GRID, linewidth=0.8)
        axes.tick_params(which="both", length=0)
        bar = figure.colorbar(shown, ax=axes, shrink=0.8, aspect=25)
        bar.set_label("correlation", fontsize=8)
        bar.outline.set_visible(False)

    return to_svg(name, 0.8 + 0.2 * len(table), draw)


def _on(value: float) -> str:
    return "white" if abs(value) > 0.6 else INK

"""How far features follow the segmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.radiomics.feature_classes import FEATURE_CLASSES
from gliomics.radiomics.feature_names import parse_column
from gliomics.reporting.figures.style import FAINT, REGION_COLOURS, to_svg
from gliomics.reporting.section import Figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from gliomics.reporting.run_results import RunResults

GOOD = 0.75
"""ICC from which agreement is usually called good (Koo and Li, J Chiropr Med 15:155, 2016)."""
ONE_PATIENT = "one patient, not an ICC"


def draw_stability(run: RunResults) -> Figure | None:
    """Draw the intraclass correlations by family and region; without them, coefficients of variation.

    Returns
    -------
    Figure or None
        None when no feature has either.
    """
    if run.stability is None or run.stability.empty:
        return None
    table = run.stability.assign(
        family=[parse_column(name).feature_class for name in run.stability["feature"]],
        region=[parse_column(name).region for name in run.stability["feature"]],
    )
    with_icc, with_cv = table[table["icc"].notna()], table[table["cv"].notna()]
    if not with_icc.empty:
        return _icc_figure(with_icc)
    return None if with_cv.empty else _cv_figure(with_cv)


def _icc_figure(table: pd.DataFrame) -> Figure:
    subjects = f"{table['subjects'].min()} to {table['subjects'].max()}"
    share = (table["icc_lower"] >= GOOD).mean()
    return Figure(
        "stability",
        to_svg("stability", _height(table), lambda canvas: _boxes(canvas, table, "icc", "ICC(2,1)", GOOD)),
        f"ICC(2,1), absolute agreement over {table['segmentations'].max()} perturbed boundaries a patient, "
        f"by family and region; boxes: quartiles, whiskers: 5 % to 95 % of the features. n = {len(table)} "
        f"features, {subjects} patients. The lower limit reaches {GOOD} (dashed) for {100 * share:.0f} % of "
        "them.",
        f"Intraclass correlation of {len(table)} features, median {table['icc'].median():.2f}.",
    )


def _cv_figure(table: pd.DataFrame) -> Figure:
    patients = int(table["cv_patients"].max())
    label = ONE_PATIENT if patients == 1 else f"{patients} patients"
    return Figure(
        "stability",
        to_svg(
            "stability",
            _height(table),
            lambda canvas: _boxes(canvas, table, "cv", "Coefficient of variation", None),
        ),
        f"Coefficient of variation over the segmentations of several algorithms: {label}. n = {len(table)} "
        "features; boxes: quartiles, whiskers: 5 % to 95 %.",
        f"Coefficient of variation of {len(table)} features, median {table['cv'].median():.2f}.",
    )


def _height(table: pd.DataFrame) -> float:
    return 0.22 * len(table.groupby(["family", "region"])) + 1.2


def _boxes(canvas: Canvas, table: pd.DataFrame, column: str, label: str, limit: float | None) -> None:
    axes = canvas.subplots()
    groups = table.groupby(["family", "region"])[column]
    families = [family for family in FEATURE_CLASSES if family in set(table["family"])]
    regions = sorted(set(table["region"]))
    place, middles = 0.0, []
    for family in families:
        start = place
        for region in regions:
            if (family, region) in groups.groups:
                _box(axes, groups.get_group((family, region)), -place, REGION_COLOURS.get(region, FAINT))
                place += 1
        middles.append(-(start + place - 1) / 2)
        place += 0.6
    if limit is not None:
        axes.axvline(limit, color=FAINT, linewidth=1, linestyle=(0, (3, 3)))
    axes.set_yticks(middles, families)
    axes.set(xlabel=label, xlim=(None, 1.01) if limit is not None else (0, None))
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    for region in regions:
        axes.plot([], [], color=REGION_COLOURS.get(region, FAINT), linewidth=5, label=region.upper())
    canvas.legend(loc="outside lower center", ncols=3, handlelength=1.2)


def _box(axes: Axes, values: pd.Series[float], place: float, colour: str) -> None:
    axes.boxplot(
        values,
        positions=[place],
        orientation="horizontal",
        widths=0.7,
        whis=(5, 95),
        showfliers=False,
        patch_artist=True,
        manage_ticks=False,
        boxprops={"facecolor": colour, "alpha": 0.55, "linewidth": 0},
        medianprops={"color": "#1c2430"},
        whiskerprops={"color": colour},
        capprops={"visible": False},
    )

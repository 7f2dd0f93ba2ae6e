"""How features vary between and within classes, within and between patients, and what blocks share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gliomics.explanation.variance.block_variance import FOLD_NETWORK_NOTE
from gliomics.explanation.variance.feature_variance import IN_SAMPLE_NOTE
from gliomics.reporting.figures.variance_figures import (
    draw_cross_correlations,
    draw_effect_distribution,
    draw_effects,
    draw_patches,
    draw_spectra,
)
from gliomics.reporting.section import (
    Block,
    Figure,
    Folded,
    Heading,
    Paragraph,
    Section,
    Table,
    figures_beside,
)

if TYPE_CHECKING:
    from gliomics.reporting.run_results import RunResults, VarianceResults


def build(run: RunResults) -> Section | None:
    """Build the section; None without an analysis or without features."""
    found = run.variance
    if found is None or (found.features.empty and found.spectra.empty):
        return None
    blocks: list[Block] = []
    if not found.features.empty:
        blocks += _classes(run, found)
    blocks += _blocks(found)
    if found.shared:
        blocks += _shared(found)
    if len(found.patches) or found.shared:
        blocks.append(Paragraph(FOLD_NETWORK_NOTE, "note"))
    return Section("variance", "Variance", tuple(blocks))


def _classes(run: RunResults, found: VarianceResults) -> list[Block]:
    features = found.features
    tested = features[features["p_value"].notna()]
    differ = int((tested["q_value"] < 0.05).sum())
    counts = {name: features[name].max() for name in ("n", "n_long", "n_short")}
    caption = f"n = {counts['n']} {run.task.cases} ({run.task.count_events(counts)})"
    words = (
        f"{differ} of {len(tested)} features differ between the classes at a false discovery rate of 5 %; at "
        f"p < 0.05 alone {int((tested['p_value'] < 0.05).sum())}, where "
        f"{0.05 * len(tested):.0f} are expected of none."
    )
    blocks: list[Block] = [Paragraph(words), Paragraph(IN_SAMPLE_NOTE, "note")]
    if tested.empty:
        return blocks
    effects = Figure(
        "variance_effects",
        draw_effects("variance_effects", tested, found.shown),
        f"{caption}. The {min(found.shown, len(tested))} features with the largest share of variance between "
        "classes; coloured: false discovery rate below 5 %.",
        f"Effect sizes; the largest is {tested.sort_values('share_between').iloc[-1]['feature']}",
    )
    values = Figure(
        "variance_p_values",
        draw_effect_distribution("variance_p_values", tested),
        f"{caption}. p-values of {len(tested)} features.",
        "Histogram of p-values",
    )
    return [
        *blocks,
        *figures_beside(effects, values),
        Folded("The largest differences in figures", (_effects(run, found),)),
    ]


def _effects(run: RunResults, found: VarianceResults) -> Table:
    rows = found.features.sort_values("share_between", ascending=False, kind="stable").head(found.shown)
    return Table(
        f"Analysis of variance over {run.task.long} and {run.task.short}, feature by feature.",
        ("Feature", "n", "Share between", "Share within", "omega squared", "Hedges' g", "p", "q"),
        tuple(
            (
                str(row["feature"]),
                str(row["n"]),
                f"{row['share_between']:.2f}",
                f"{row['share_within']:.2f}",
                f"{row['omega_squared']:.2f}",
                f"{row['hedges_g']:.2f}",
                f"{row['p_value']:.3g}",
                f"{row['q_value']:.3g}",
            )
            for _, row in rows.iterrows()
        ),
    )


def _blocks(found: VarianceResults) -> list[Block]:
    spectra = patches = None
    if not found.spectra.empty:
        n = found.spectra.groupby("block", sort=False)["n"].first()
        spectra = Figure(
            "variance_spectra",
            draw_spectra("variance_spectra", found.spectra),
            "Principal components of each block (n: "
            f"{', '.join(f'{block} {size}' for block, size in n.items())}); dotted: limit of unrelated "
            "columns.",
            "Share of variance of the leading components",
        )
    if found.patches["share_between"].notna().any():
        totals = found.patches.groupby("network")[["within", "between"]].sum()
        shares = totals["between"] / totals.sum(axis=1)
        words = ", ".join(f"{network} {100 * share:.0f} %" for network, share in shares.items())
        patches = Figure(
            "variance_patches",
            draw_patches("variance_patches", found.patches),
            f"n = {found.patches['n_patients'].max()} patients, {found.patches['n_patches'].max():g} patches "
            f"each. Variance between patients over all dimensions: {words}.",
            "Share of variance between patients, over dimensions",
        )
    drawn = figures_beside(spectra, patches)
    return [Heading("Components, and patches against patients"), *drawn] if drawn else []


def _shared(found: VarianceResults) -> list[Block]:
    computed = {name: one for name, one in found.shared.items() if one["status"] == "computed"}
    blocks: list[Block] = [Heading("What radiomics and networks share")]
    for name, one in found.shared.items():
        if name not in computed:
            blocks.append(Paragraph(f"{name}: not computed, {one['reason']}.", "note"))
    if computed:
        blocks.append(_agreement(computed))
    maps = []
    for name, one in computed.items():
        figure = "variance_map_" + re.sub(r"\W+", "_", name)
        cells = found.cells[found.cells["network"] == name]
        which = ", network of the first fold" if one["networks"] > 1 else ""
        limit = one["cross_correlation"]["limit"]
        maps.append(
            Figure(
                figure,
                draw_cross_correlations(figure, cells),
                f"{name}{which}, n = {one['n']}. First component of each radiomic group against the "
                f"network's; numbers exceed {limit:.2f}, the limit of permuted patients for the whole map.",
                f"Cross-correlations of radiomics and {name}",
            )
        )
    return [*blocks, *figures_beside(*maps)]


def _agreement(computed: dict[str, Any]) -> Table:
    one = next(iter(computed.values()))
    return Table(
        "CKA: linear, debiased (0: nothing in common, 1: the same). CCA: first canonical correlation of "
        f"{one['components']} leading components each. Beside each its {100 * one['confidence']:g} % limit "
        f"over {one['permutations']} permutations of the patients.",
        (
            "Network",
            "n",
            "Weights",
            "CKA",
            "limit",
            "p",
            "CCA",
            "limit",
            "p",
            "Largest |r| of the map",
            "limit",
            "p",
        ),
        tuple(
            (
                name,
                str(one["n"]),
                one["weights"].replace("_", " "),
                *_cells(one["cka"]),
                *_cells(one["cca"]),
                *_cells(one["cross_correlation"]),
            )
            for name, one in computed.items()
        ),
    )


def _cells(figure: dict[str, float]) -> tuple[str, str, str]:
    return f"{figure['value']:.2f}", f"{figure['limit']:.2f}", f"{figure['p_value']:.3f}"

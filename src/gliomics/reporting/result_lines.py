"""The figures of a metrics file as lines that a run ends with."""

from __future__ import annotations

from typing import Any

from gliomics.cohort.outcome import task_of


def summary_lines(metrics: dict[str, Any]) -> list[str]:
    """Put the arms of the metrics file into readable lines.

    Parameters
    ----------
    metrics : dict
        As in ``metrics.json``.

    Returns
    -------
    list of str
        One line an arm and population.
    """
    lines: list[str] = []
    task = task_of(metrics)
    if metrics.get("validation", "repeated_cv") != "repeated_cv":
        lines.append(f"validation {metrics['validation']}{_champion(metrics.get('champion'))}")
    for population, facts in metrics["populations"].items():
        if facts["status"] == "refused":
            lines.append(f"{population:<8} refused: {facts['reason']}")
            continue
        for arm, result in facts["arms"].items():
            if result["status"] != "evaluated":
                lines.append(f"{population:<8} {arm:<18} {result['status']}: {result['reason']}")
                continue
            auc, control = result["auc"], result["permutation_control"]
            untrained = "; UNTRAINED " + ", ".join(result["untrained"]) if result.get("untrained") else ""
            lines.append(
                f"{population:<8} {arm:<18} AUC {auc['value']:.3f} ({auc['low']:.3f} to {auc['high']:.3f}), "
                f"n = {result['n']} ({task.count_events(result)}); permuted labels "
                f"{_verdict(control)}{untrained}"
            )
            lines += _survival_line(population, arm, result)
            lines += _dataset2_lines(population, arm, result)
    return lines


def _champion(facts: dict[str, Any] | None) -> str:
    return "" if facts is None else f": {facts['name']} version {facts['version']}, nothing was fitted"


def _survival_line(population: str, arm: str, result: dict[str, Any]) -> list[str]:
    """Say how well the scores order survival times, the censored included."""
    found = result.get("survival", {})
    if found.get("status") != "computed" or found["harrell_c"]["value"] is None:
        return []
    parts = [f"C-index {_interval(found['harrell_c'])}, {found['n']} patients, {found['n_deaths']} deaths"]
    cox = found.get("cox_baseline", {})
    if cox.get("status") == "estimated" and cox["harrell_c"]["value"] is not None:
        parts.append(f"Cox baseline {_interval(cox['harrell_c'])}")
    sites = result.get("left_out_sites")
    if sites is not None:
        parts.append(f"{sites['n_in_sites_with_both_classes']} of {result['n']} in sites with both classes")
    return [f"{population:<8} {arm + ', survival':<18} " + "; ".join(parts)]


def _interval(figure: dict[str, Any]) -> str:
    low, high = figure["low"], figure["high"]
    return f"{figure['value']:.3f}" + ("" if low is None else f" ({low:.3f} to {high:.3f})")


def _dataset2_lines(population: str, arm: str, result: dict[str, Any]) -> list[str]:
    """Say what synthetic training rows change, and what the audit finds; one line each."""
    lines, second = [], result.get("dataset2", {})
    audit = result.get("audit_augment_before_split", {})
    if second.get("status") == "evaluated":
        auc = second["auc"]
        lines.append(
            f"{population:<8} {arm + ', Dataset 2':<18} AUC {auc['value']:.3f} ({auc['low']:.3f} to "
            f"{auc['high']:.3f}); permuted labels {_verdict(second['permutation_control'])}"
        )
    for name, figures in audit.get("estimators", {}).items():
        lines.append(
            f"{population:<8} {arm + ', AUDIT':<18} {name} augmented before the split, a mistake made on "
            f"purpose: all rows {figures['all_rows']:.3f}, real rows {figures['real_rows_only']:.3f}; "
            f"permuted labels {figures['permuted_all_rows']:.3f}, {figures['permuted_real_rows_only']:.3f}"
        )
    return lines


def _verdict(control: dict[str, Any]) -> str:
    if control.get("status") == "not covered":
        return "not covered"
    if control.get("status") == "not informative":
        verdict = f"not informative (power {control['power']:.0%})"
    else:
        verdict = "holds" if control["passed"] else "FAILS"
    return f"{control['mean']:.3f}, bound {control['bound']:.3f}: {verdict}"

"""The figures of a metrics file as lines that a run ends with."""

from __future__ import annotations

from typing import Any


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
                f"n = {result['n']} ({result['n_short']} short); "
                f"permuted labels {_verdict(control)}{untrained}"
            )
            lines += _dataset2_lines(population, arm, result)
    return lines


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
    verdict = "holds" if control["passed"] else "FAILS"
    return f"{control['mean']:.3f}, bound {control['bound']:.3f}: {verdict}"

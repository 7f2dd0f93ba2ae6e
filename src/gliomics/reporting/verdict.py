"""The verdict of a run in three lines, made from its figures and from nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gliomics.reporting.run_results import value_with_interval

if TYPE_CHECKING:
    from gliomics.reporting.run_results import RunResults

NO_SKILL = "no demonstrated skill"


def question(run: RunResults) -> str:
    """Say what was asked."""
    facts = run.facts
    if run.is_table:
        return (
            f"Do the features of this table rank {run.task.long} above the others, judged on held-out cases?"
        )
    return (
        "Can preoperative MRI, clinical records or both tell who lives at least "
        f"{run.metrics['label']['cutoff_days']:g} days? Outcome: {facts['outcome']}. One-arm data cannot "
        "show benefit, and the clock starts at diagnosis, before the treatment (immortal time)."
    )


def verdict(run: RunResults) -> tuple[str, ...]:
    """Judge the run in three sentences: skill, the comparison with clinical records, the controls.

    Parameters
    ----------
    run : RunResults
        Of any outcome, a refused evaluation included.

    Returns
    -------
    tuple of str
        One sentence when nothing could be evaluated, else three.
    """
    arm = run.lead_arm
    if arm is None:
        reason = run.facts.get("reason", "no arm could be evaluated")
        return (f"Nothing could be evaluated: {reason}.",)
    return (_skill(run, arm), _against_clinical(run, arm), _controls(run))


def skill_words(auc: dict[str, Any]) -> str:
    """Say what an interval means.

    Examples
    --------
    >>> skill_words({"value": 0.6, "low": 0.4, "high": 0.7})
    'the interval includes 0.5: no demonstrated skill'
    >>> skill_words({"value": 0.3, "low": 0.2, "high": 0.4})
    'the interval lies below 0.5: no demonstrated skill'
    >>> skill_words({"value": 0.8, "low": 0.7, "high": 0.9})
    'the interval lies above 0.5'
    """
    if auc["low"] is None or auc["high"] is None:
        return f"no interval: {NO_SKILL}"
    if auc["low"] > 0.5:
        return "the interval lies above 0.5"
    where = "lies below" if auc["high"] < 0.5 else "includes"
    return f"the interval {where} 0.5: {NO_SKILL}"


def _skill(run: RunResults, arm: str) -> str:
    figures = run.evaluated[arm]
    shown = f"AUC {value_with_interval(figures['auc'])} on {figures['n']} {run.task.cases}"
    shown += f" ({run.task.count_events(figures)})"
    text = f"{run.arm_name(arm)}: {shown}; {skill_words(figures['auc'])}"
    untrained = figures.get("untrained") or []
    if untrained:
        text += f". It rests on UNTRAINED weights ({', '.join(untrained)})"
    return text + "."


def _against_clinical(run: RunResults, arm: str) -> str:
    if run.is_table:
        return "There is no clinical arm to compare with: the table is judged by itself."
    if arm == "clinical":
        return _no_imaging(run)
    found = run.facts["comparisons"].get(f"{arm}_vs_clinical")
    if found is None:
        return f"{run.arm_name(arm)} was not compared with the clinical arm: that arm could not be evaluated."
    interval = f"{found['difference']:+.2f} ({found['low']:+.2f} to {found['high']:+.2f})"
    text = f"Against {run.clinical_predictors} alone: difference {interval}"
    text += f", Holm-corrected p = {found['p_holm']:.2g}"
    if found["p_holm"] < 0.05 and found["low"] is not None and (found["low"] > 0 or found["high"] < 0):
        judged = "imaging adds" if found["difference"] > 0 else "imaging is worse"
        return f"{text}; {judged}."
    return (
        f"{text}; no demonstrated difference (only one of {found['detectable']:.2f} could have been found)."
    )


def _no_imaging(run: RunResults) -> str:
    arms = run.facts["arms"]
    reasons = [f"{name}: {arms[name]['reason']}" for name in ("fusion", "radiomics", "deep") if name in arms]
    return "No imaging arm could be evaluated. " + "; ".join(reasons) + "."


def _controls(run: RunResults) -> str:
    controls = {arm: figures["permutation_control"]["status"] for arm, figures in run.evaluated.items()}
    failed = [run.arm_name(arm) for arm, status in controls.items() if status == "fails"]
    open_ = [run.arm_name(arm) for arm, status in controls.items() if status == "not covered"]
    if failed:
        text = f"Permuted labels FAIL in {', '.join(failed)}: these figures may be leaked"
    elif len(open_) == len(controls):
        text = "Permuted labels: not covered"
    else:
        held = list(controls.values()).count("holds")
        text = f"Permuted labels stay within their bound in {held} of {len(controls)} arms"
    weak = [run.arm_name(arm) for arm, status in controls.items() if status == "not informative"]
    if weak:
        text += f" (not informative, too few permutations to see a leak: {', '.join(weak)})"
    if open_ and len(open_) < len(controls):
        text += f" (not covered: {', '.join(open_)})"
    leak = _largest_leak(run)
    return f"{text}{leak}."


def _largest_leak(run: RunResults) -> str:
    found = [
        (one["all_rows"], one["honest"])
        for figures in run.evaluated.values()
        for one in figures.get("audit_augment_before_split", {}).get("estimators", {}).values()
        if one["all_rows"] is not None and one["honest"] is not None
    ]
    if not found:
        return ""
    leaked, honest = max(found)
    return f"; made on purpose, the usual leak turns an AUC of {honest:.2f} into {leaked:.2f}"

"""Rules of checklist items about models, validation and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.reporting.checklists.answer import Answer, for_the_author, no, yes
from gliomics.reporting.run_results import value_with_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gliomics.reporting.run_results import RunResults

NOTHING = "Nothing was evaluated."
EXTERNAL = "external:"


def _evaluated(say: Callable[[RunResults], str]) -> Callable[[RunResults], Answer]:
    """Make a rule that holds where at least one arm was evaluated."""

    def rule(run: RunResults) -> Answer:
        return yes(say(run)) if run.evaluated else no(NOTHING)

    return rule


def _saying(text: str) -> Callable[[RunResults], str]:
    """Say the same of every run that evaluated something."""

    def say(run: RunResults) -> str:  # noqa: ARG001
        return text

    return say


def _always(answer: Answer) -> Callable[[RunResults], Answer]:
    """Make a rule whose answer is the same for every run: it is about what this software does."""

    def rule(run: RunResults) -> Answer:  # noqa: ARG001
        return answer

    return rule


def _split(run: RunResults) -> str:
    facts = run.facts
    return (
        f"{facts['n_folds']} folds x {facts['repeats']} repeats by patient, one split for every arm, seed "
        f"{run.metrics['seed']}."
    )


def _technique(run: RunResults) -> str:
    mode = run.metrics.get("validation", "repeated_cv")
    if mode.startswith(EXTERNAL):
        return f"External: the frozen champion ({mode}); nothing was fitted."
    if mode == "leave_one_site_out":
        return "Internal: each site is left out once. " + _split(run)
    return "Internal only: repeated cross-validation. " + _split(run)


def _external(run: RunResults) -> Answer:
    if run.evaluated and run.metrics.get("validation", "").startswith(EXTERNAL):
        return yes(_technique(run))
    return no("No external cohort.")


def _explained(run: RunResults) -> Answer:
    ways = []
    if run.shap is not None and run.shap.facts:
        ways.append("SHAP values of held-out patients")
    if run.grad_cam is not None and not run.grad_cam.facts["reason"]:
        ways.append("Grad-CAM against randomised networks")
    return yes(" and ".join(ways) + ".") if ways else no("This report explains no model.")


def _robust(run: RunResults) -> Answer:
    applied = [
        run.arm_name(arm)
        for arm, one in run.evaluated.items()
        if one.get("stability_filter", {}).get("status") == "applied"
    ]
    if not applied:
        return no(NO_REMOVAL)
    return yes(f"Features with a low ICC among the training patients are left out: {', '.join(applied)}.")


def _power(run: RunResults) -> Answer:
    found = [
        one["detectable"]
        for one in run.facts.get("comparisons", {}).values()
        if one["detectable"] is not None
    ]
    if not found:
        return for_the_author("No comparison of arms, so no detectable difference.")
    return for_the_author(
        f"Not planned by the run; afterwards: a difference of AUC of {min(found):.2f} to {max(found):.2f} "
        "had 80 % power."
    )


def _imbalance(run: RunResults) -> str:
    second = [
        arm for arm, one in run.evaluated.items() if one.get("dataset2", {}).get("status") == "evaluated"
    ]
    text = f"{run.facts['n_long']} {run.task.long}, {run.facts['n_short']} {run.task.short}"
    if second:
        return f"{text}; Dataset 2 balances with synthetic training rows, reported beside the others."
    return f"{text}; no balancing."


def _arms(run: RunResults) -> str:
    return "; ".join(
        f"{run.arm_name(arm)}: {figures['n_columns']} predictors" for arm, figures in run.evaluated.items()
    )


def _algorithms(run: RunResults) -> str:
    return (
        "; ".join(f"{run.arm_name(arm)}: {run.recipe(arm).replace('_', ' ')}" for arm in run.evaluated) + "."
    )


def _tuning(run: RunResults) -> str:
    tuned = ", ".join(
        f"{run.arm_name(arm)} {max(figures['candidates'], key=figures['candidates'].get)}"
        for arm, figures in run.evaluated.items()
    )
    return f"Nested cross-validation; most often chosen: {tuned}."


def _comparisons(run: RunResults) -> Answer:
    made = run.facts.get("comparisons", {})
    if not made:
        return no("No two arms could be compared.")
    return yes(f"{len(made)} paired permutation tests, corrected by Holm; DeLong is secondary.")


def _against_clinical(run: RunResults) -> Answer:
    made = [name for name in run.facts.get("comparisons", {}) if name.endswith("_vs_clinical")]
    if not made:
        return no("No imaging arm was compared with a clinical one.")
    return yes(f"{', '.join(name.replace('_', ' ') for name in made)}; decision curves beside each other.")


def _combined(run: RunResults) -> Answer:
    if "fusion_clinical" not in run.evaluated or "clinical" not in run.evaluated:
        return no("No arm combines imaging with clinical records, or there is no clinical arm.")
    figures = (f"{run.arm_name(arm)} {value_with_interval(one['auc'])}" for arm, one in run.evaluated.items())
    return yes("AUC: " + "; ".join(figures) + ".")


def _simple(run: RunResults) -> Answer:
    if "clinical" not in run.evaluated or len(run.evaluated) < 2:
        return no("No simple baseline beside another arm.")
    return yes(
        f"Logistic regression on {run.clinical_predictors}, tested against the others with Holm's correction."
    )


def _performance(run: RunResults) -> str:
    return "; ".join(
        f"{run.arm_name(arm)} AUC {value_with_interval(one['auc'])}" for arm, one in run.evaluated.items()
    )


def _subgroups(run: RunResults) -> Answer:
    if run.subgroups is None or run.subgroups.empty:
        return no("No groups of patients are known.")
    with_auc = int(run.subgroups["auc"].notna().sum())
    if with_auc == 0:
        return no("Every group is too small for an AUC; counts only.")
    return yes(f"{with_auc} AUCs of groups with interval; the other groups with counts.")


def _clusters(run: RunResults) -> Answer:
    if run.subgroups is None or "site" not in set(run.subgroups["grouping"]):
        return no("Sites are not known.")
    part = run.subgroups[run.subgroups["grouping"] == "site"]
    known = part.loc[part["auc"].notna(), "group"].nunique()
    total = part["group"].nunique()
    if known < 2:
        return no(f"{total} sites, too few patients in each for an AUC.")
    return yes(f"AUC in {known} of {total} sites.")


def _calibration(run: RunResults) -> str:
    estimated = [one["calibration"]["status"] == "estimated" for one in run.evaluated.values()]
    slopes = "slopes and intercepts with interval" if all(estimated) else "slopes not estimable in every arm"
    return f"Calibration plots; {slopes}."


def _dimensionality(run: RunResults) -> Answer:
    if not run.evaluated:
        return no(NOTHING)
    return for_the_author(
        f"{_arms(run)}; {run.facts['n']} {run.task.cases} ({run.task.count_events(run.facts)})."
    )


def _redundant(run: RunResults) -> Answer:
    chosen = (run.evaluated.get("radiomics") or run.evaluated.get("features") or {}).get("candidates", {})
    if not any("k=" in candidate for candidate in chosen):
        return no("The features' arm selects none.")
    return yes("Features are ranked in each training fold, near-copies of a better one are passed over.")


def _checklists(run: RunResults) -> Answer:  # noqa: ARG001
    return for_the_author(
        "CLEAR, METRICS and TRIPOD+AI are filled where the run knows; the open items are yours."
    )


def _events(run: RunResults) -> str:
    return "; ".join(
        f"{run.arm_name(arm)} n = {one['n']}, {run.task.count_events(one)}"
        for arm, one in run.evaluated.items()
    )


def _missing(run: RunResults) -> str:
    empty = {run.arm_name(arm): one["columns_empty_in_a_fold"] for arm, one in run.evaluated.items()}
    counted = ", ".join(f"{name} {number}" for name, number in empty.items())
    return f"Median of the training rows; columns empty in a training fold: {counted}."


def _settings_saved(run: RunResults) -> Answer:
    if run.lineage is None:
        return for_the_author()
    return for_the_author("All settings are in lineage.json; publishing it is yours.")


MEASURES = (
    "AUC within folds, average precision, sensitivity, specificity, Brier score, calibration, net benefit."
)
SCALING = "Columns are imputed and scaled with the training rows of each fold; trees take them as they are."
NO_REMOVAL = "Stability is reported; no feature is removed for it."
MODEL_RULES: Mapping[str, Callable[[RunResults], Answer]] = {
    "checklists": _checklists,
    "power": _power,
    "technical_flowchart": _always(no("The report has no diagram of the technical pipeline.")),
    "split": _evaluated(_split),
    "partition": _evaluated(lambda run: _split(run) + " A guard refuses a fitted part that saw a test case."),
    "missing_data": _evaluated(_missing),
    "class_imbalance": _evaluated(_imbalance),
    "scaling": _evaluated(_saying(SCALING)),
    "dimension_reduction": _evaluated(_tuning),
    "algorithm": _evaluated(_algorithms),
    "tuning": _evaluated(_tuning),
    "confounders": _always(no("Nothing is adjusted for; groups are described in the equity section.")),
    "testing_technique": _evaluated(_technique),
    "performance_metrics": _evaluated(_saying(MEASURES)),
    "uncertainty": _evaluated(
        lambda run: f"{run.facts['bootstrap']['n']} resamples. {run.facts['interval_note']}"
    ),
    "comparisons": _comparisons,
    "combined_methods": _combined,
    "explainability": _explained,
    "performance": _evaluated(_performance),
    "limitations": _always(
        for_the_author("The methods end with limits that the run knows; the rest is yours.")
    ),
    "settings_saved": _settings_saved,
    "robust_features": _robust,
    "redundant_features": _redundant,
    "dimensionality": _dimensionality,
    "end_to_end": _always(Answer("n/a", "Networks only make vectors; no end-to-end classifier is scored.")),
    "calibration": _evaluated(_calibration),
    "uniparametric": _always(no("Single modalities are not compared with all of them.")),
    "clinical_comparison": _against_clinical,
    "simple_models": _simple,
    "internal_testing": _always(no("No held-out set: cross-validation only.")),
    "external_testing": _external,
    "predictor_choice": _evaluated(_arms),
    "predictor_definitions": _always(
        for_the_author("Columns and settings are in the lineage; when they were measured is not.")
    ),
    "cluster_methods": _clusters,
    "cluster_results": _clusters,
    "updating": _always(Answer("n/a", "No model was updated.")),
    "predictions": _evaluated(_saying("Out-of-fold scores are saved with fold, repeat and threshold.")),
    "fairness": _always(no("Nothing is done for fairness; groups are described only.")),
    "output": _evaluated(_saying("A probability and a threshold chosen on inner out-of-fold scores.")),
    "same_data": _always(Answer("n/a", "Development and evaluation share the patients: cross-validation.")),
    "events": _evaluated(_events),
    "full_model": _always(for_the_author("Final models of fixed features are saved; sharing them is yours.")),
    "subgroups": _subgroups,
}
"""Rules by the key that the checklists' tables name."""

"""The methods section of a run, written from its settings and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.evaluation.summary import IN_SAMPLE_NOTE
from gliomics.learning.registry import get_recipe
from gliomics.reporting.methods_of_images import image_paragraphs
from gliomics.reporting.methods_paragraph import MethodsParagraph
from gliomics.synthesis.registry import get_sampler
from gliomics.synthesis.settings import AugmentationSettings

if TYPE_CHECKING:
    from gliomics.reporting.run_results import RunResults


def methods_paragraphs(run: RunResults) -> tuple[MethodsParagraph, ...]:
    """Write the methods of a run.

    Parameters
    ----------
    run : RunResults
        Its ``settings`` decide what is written; without them (a table of ``gliomics evaluate``) only what the
        metrics know.

    Returns
    -------
    tuple of MethodsParagraph
        In the order of a paper's methods.
    """
    paragraphs = [_population(run), *image_paragraphs(run), _validation(run), _estimators(run)]
    paragraphs += [_statistics(run), _controls(run), _synthetic_rows(run), _limits(run)]
    return tuple(paragraph for paragraph in paragraphs if paragraph is not None)


def methods_markdown(paragraphs: tuple[MethodsParagraph, ...], title: str) -> str:
    """Set the paragraphs as Markdown.

    Parameters
    ----------
    paragraphs : tuple of MethodsParagraph
        From `methods_paragraphs`.
    title : str
        Of the cohort.

    Returns
    -------
    str
        Ends with a newline; text of the data cannot become markup.
    """
    parts = [f"# Methods: {_plain(title)}"]
    for paragraph in paragraphs:
        parts += [f"## {paragraph.title}", _plain(paragraph.text)]
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    for sign in ("&", "<", ">"):
        text = text.replace(sign, {"&": "&amp;", "<": "&lt;", ">": "&gt;"}[sign])
    return text


def _population(run: RunResults) -> MethodsParagraph:
    facts = run.facts
    classes = f"{facts['n_long']} {run.task.long} and {facts['n_short']} {run.task.short}"
    counts = f"{facts['n']} with a label, {classes}"
    if run.is_table:
        groups = run.metrics["groups"]
        kept = f" Cases of one {groups} stay in one fold." if groups else ""
        text = (
            f"One row a case; outcome: {facts['outcome']} ({facts['positive_class']}). {counts}; "
            f"{run.metrics['cases_without_label']} cases without a label were left out. Columns that are no "
            f"numbers were left out: {', '.join(run.metrics['columns_that_are_no_numbers']) or 'none'}.{kept}"
        )
        return MethodsParagraph("Cases and outcome", text)
    cutoff = run.metrics["label"]["cutoff_days"]
    synthetic = (
        " The cohort is SYNTHETIC: generated patients, no real ones." if run.metrics["synthetic"] else ""
    )
    text = (
        f"{run.metrics['title']}.{synthetic} Outcome: {facts['outcome']}. Label 1: overall survival of at "
        f"least {cutoff:g} days; 0: death observed before; alive with a shorter follow-up is censored, has "
        f"no label and trains and scores nothing. Primary population “{run.primary}”: {facts['n_eligible']} "
        f"eligible patients, {counts}, {facts['n_censored']} censored. Treatment and everything known only "
        "after the operation is never a predictor."
    )
    return MethodsParagraph("Patients and outcome", text)


def _validation(run: RunResults) -> MethodsParagraph:
    facts = run.facts
    text = (
        f"Repeated nested cross-validation, {facts['n_folds']} folds x {facts['repeats']} repeats, one split "
        f"for every arm, seed {run.metrics['seed']}. "
    )
    if not run.is_table:
        text += "Folds cover all eligible patients, stratified by short, long and censored. "
    few = [run.arm_name(arm) for arm, found in run.evaluated.items() if found["repeats"] < facts["repeats"]]
    if few:
        text += f"{', '.join(few)}: only the repeats for which networks were trained. "
    tuning = run.settings.get("modelling", {}).get("tuning")
    if tuning:
        text += (
            f"Inner folds: at most {tuning['max_inner_folds']} and at most half the smaller class; with "
            f"fewer than {tuning['small_sample_minority']} training {run.task.cases} in it at most "
            f"{tuning['max_candidates_small_sample']} candidates, log-loss and the one-standard-error rule. "
        )
    text += (
        "Imputation (median), scaling, selection, tuning and the decision threshold are fitted on training "
        "rows; a guard that knows the ids stops the run when a fitted part is shown a test case."
    )
    return MethodsParagraph("Validation", text)


def _estimators(run: RunResults) -> MethodsParagraph | None:
    parts = []
    for arm, figures in run.evaluated.items():
        recipe = run.recipe(arm)
        parts.append(f"{run.arm_name(arm)} ({figures['n_columns']} predictors): {get_recipe(recipe).words}")
    arms = run.facts["arms"]
    skipped = [
        f"{run.arm_name(arm)}: {arms[arm]['reason']}" for arm in sorted(set(arms) - set(run.evaluated))
    ]
    if not parts:
        return None
    text = ". ".join(parts) + "."
    if skipped:
        text += f" Not evaluated: {'; '.join(skipped)}."
    if any(figures.get("train_test_note") for figures in run.evaluated.values()):
        text += f" {IN_SAMPLE_NOTE}"
    return MethodsParagraph("Arms and estimators", text)


def _statistics(run: RunResults) -> MethodsParagraph | None:
    if not run.evaluated:
        return None
    facts, bootstrap = run.facts, run.facts["bootstrap"]
    text = (
        "AUC is the concordance within folds averaged over folds and repeats; scores of different folds are "
        f"never compared. {facts['interval_note']} {bootstrap['n']} resamples, "
        f"{100 * bootstrap['confidence']:g} %. "
    )
    if facts["comparisons"]:
        text += facts["comparison_note"] + " "
    text += (
        f"Average precision is of finding {run.task.events}. Calibration: slope and intercept of one mean "
        "score a case, not estimable below 10 cases in the smaller class. Decision curves: net benefit with "
        "its band."
    )
    return MethodsParagraph("Statistics", text)


def _controls(run: RunResults) -> MethodsParagraph | None:
    if not run.evaluated:
        return None
    number = max(figures["permutation_control"]["n"] for figures in run.evaluated.values())
    text = (
        f"Permutation control: feature rows are reassigned to (label, fold) pairs, up to {number} times an "
        "arm; the mean AUC may not exceed 0.5 + 3 SD / sqrt(B). Networks that were trained on true labels "
        "serve no permutation: such arms have their own networks of permuted labels or no control."
    )
    return MethodsParagraph("Controls", text)


def _synthetic_rows(run: RunResults) -> MethodsParagraph | None:
    second = {
        arm: figures["dataset2"]
        for arm, figures in run.evaluated.items()
        if figures.get("dataset2", {}).get("status") == "evaluated"
    }
    if not second:
        return None
    settings = AugmentationSettings(**run.settings.get("augmentation", {}))
    text = (
        f"Dataset 2: rows drawn from {get_sampler(settings).describe(settings)}, fitted on the training rows "
        f"of each fold; real {run.task.cases} alone are scored "
        f"({', '.join(run.arm_name(arm) for arm in second)}). {next(iter(second.values()))['note']} The "
        "audit augment_before_split repeats a common mistake on purpose: the sampler sees everybody and real "
        "and synthetic rows are split together. It measures the leak; it can not be registered."
    )
    return MethodsParagraph("Synthetic rows and the audit", text)


def _limits(run: RunResults) -> MethodsParagraph:
    external = str(run.metrics.get("validation", "")).startswith("external:")
    limits = [*([] if external else ["no external validation"]), "intervals omit the variability of training"]
    if not run.is_table:
        limits = [
            "one-arm data cannot show benefit of a treatment",
            "the clock starts at diagnosis (immortal time)",
            *limits,
        ]
        molecular = run.facts["arms"].get("clinical_molecular", {})
        if molecular.get("status") != "evaluated" and run.has_lower_grade_glioma:
            limits.append(
                "no molecular marker is known (IDH-wildtype tumours, glioblastoma since WHO 2021, may be "
                "among these)"
            )
    if run.untrained:
        limits.append(
            f"the weights of {', '.join(run.untrained)} are UNTRAINED: its vectors carry no learned knowledge"
        )
    text = "; ".join(limits)
    return MethodsParagraph("Limits", f"{text[0].upper()}{text[1:]}.")

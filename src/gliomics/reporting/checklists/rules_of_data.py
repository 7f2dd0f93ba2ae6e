"""Rules of checklist items about patients, images and features."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gliomics.reporting.checklists.answer import Answer, for_the_author, no, yes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gliomics.reporting.run_results import RunResults

_TCGA = re.compile(r"^TCGA-([A-Z0-9]{2})-")
NOT_KNOWN = "not known to the run"


def _eligibility(run: RunResults) -> Answer:
    flow = [step for step in run.metrics.get("flow", []) if step["population"] == run.primary]
    if not flow:
        return for_the_author("The table came as it is.")
    removed = sum(step["removed"] for step in flow)
    return yes(
        f"Cohort flow: {len(flow)} steps, {removed} of {flow[0]['remaining']} removed, each with its rule."
    )


def _data_source(run: RunResults) -> Answer:
    if run.metrics["synthetic"]:
        return no("The cohort is generated: no patients.")
    return for_the_author(
        f"The run knows “{run.metrics['title']}”; where it comes from is for the author to say."
    )


def _acquisition(run: RunResults) -> Answer:  # noqa: ARG001
    return no("The run reads no acquisition parameters.")


def _interval(run: RunResults) -> Answer:  # noqa: ARG001
    return no("The run reads no dates of imaging.")


def _outcome(run: RunResults) -> Answer:
    if run.is_table:
        return for_the_author(f"The run knows a column only: {run.facts['outcome']}.")
    cutoff = run.metrics["label"]["cutoff_days"]
    return yes(
        f"Overall survival of at least {cutoff:g} days; censored before: no label "
        f"({run.facts['n_censored']})."
    )


def _outcome_subjective(run: RunResults) -> Answer:
    if run.is_table:
        return for_the_author()
    return Answer("n/a", "Survival needs no interpretation.")


def _clinical(run: RunResults) -> Answer:
    if "clinical" not in run.evaluated:
        return no("No clinical arm was evaluated.")
    return yes(f"{run.clinical_predictors.capitalize()}, age in years.")


def _baseline(run: RunResults) -> Answer:
    if run.cohort is None:
        return no("The run has no clinical records.")
    return yes(f"Table of age, sex{', grade' if run.has_grades else ''}, treatment and follow-up by label.")


def _treatments(run: RunResults) -> Answer:
    if run.is_table or run.cohort is None:
        return for_the_author()
    return yes(
        f"Primary population “{run.primary}”; treatment is never a predictor; numbers in the baseline table."
    )


def _quality(run: RunResults) -> Answer:
    if run.case_outcomes is None:
        return for_the_author()
    wrong = run.case_outcomes.loc[run.case_outcomes["status"] != "processed", "subject_id"].nunique()
    return yes(
        f"Scans were checked case by case; {wrong} cases not used, each with its reason. Not by group."
    )


def _sites(run: RunResults) -> list[str]:
    found = {
        match[1] for subject in run.predictions["subject_id"].unique() if (match := _TCGA.match(subject))
    }
    return sorted(found)


def _multi_centre(run: RunResults) -> Answer:
    if run.metrics["synthetic"]:
        return no("The cohort is generated: its sites are invented.")
    sites = _sites(run)
    if len(sites) > 1:
        return yes(f"{len(sites)} tissue source sites among the scored patients.")
    return for_the_author(f"Sites are {NOT_KNOWN}.")


def _setting(run: RunResults) -> Answer:
    sites = _sites(run)
    hint = f"{len(sites)} tissue source sites; location and setting are {NOT_KNOWN}." if sites else ""
    return for_the_author(hint)


def _representative(run: RunResults) -> Answer:
    if run.metrics["synthetic"]:
        return no("The cohort is generated.")
    return for_the_author(
        "The flow states the criteria; whether the patients are representative is for the author."
    )


def _reference_quality(run: RunResults) -> Answer:
    if run.is_table:
        return for_the_author()
    return for_the_author("Overall survival, a surrogate for benefit; see the limits in the methods.")


def _dates(run: RunResults) -> Answer:  # noqa: ARG001
    return no("The run reads no calendar dates.")


def _extraction(run: RunResults) -> dict[str, Any] | None:
    """Give the settings of the extraction when the radiomics arm learns from extracted features."""
    if run.metrics.get("feature_source") != "extracted" or "radiomics" not in run.evaluated:
        return None
    found: dict[str, Any] | None = run.settings.get("feature_engineering.radiomics")
    return found


def _extracted(say: Callable[[dict[str, Any]], str]) -> Callable[[RunResults], Answer]:
    """Make a rule that holds where this run extracted the features that its arm uses."""

    def rule(run: RunResults) -> Answer:
        settings = _extraction(run)
        if settings is None:
            return for_the_author("The features were not extracted by this run.")
        return yes(say(settings))

    return rule


def _bins(one: dict[str, Any]) -> str:
    return f"Bin width {one['bin_width']:g}." if one["bin_width"] is not None else f"{one['bin_count']} bins."


def _grid(one: dict[str, Any]) -> str:
    spacing = one["resampling_spacing_mm"]
    return "Not resampled: the files' grid." if spacing is None else f"Isotropic, {spacing:g} mm."


def _standardised(run: RunResults) -> Answer:
    settings = _extraction(run)
    if settings is None:
        return for_the_author("The features were not extracted by this run.")
    if settings["engine"] == "pyradiomics":
        return yes("pyradiomics 3.0.1.")
    return for_the_author("Kernels of our own, which the project's tests hold equal to pyradiomics 3.0.1.")


def _number(run: RunResults) -> Answer:
    if "radiomics" not in run.evaluated:
        return no("No arm of features was evaluated.")
    return yes(f"{run.evaluated['radiomics']['n_columns']} columns.")


def _with_icc(run: RunResults) -> int:
    return 0 if run.stability is None else int(run.stability["icc"].notna().sum())


def _segmentation(run: RunResults) -> Answer:
    features = _with_icc(run)
    if features == 0:
        return no("No intraclass correlation: too few segmented patients.")
    return yes(f"ICC(2,1) of {features} features over perturbed boundaries; perturbations, not readers.")


def _statistics(run: RunResults) -> Answer:
    features = _with_icc(run)
    if features == 0:
        return no("No reproducibility of features was estimated.")
    return yes(f"ICC(2,1) with interval of {features} features, by family and region.")


DATA_RULES: Mapping[str, Callable[[RunResults], Answer]] = {
    "eligibility": _eligibility,
    "data_source": _data_source,
    "acquisition": _acquisition,
    "imaging_interval": _interval,
    "outcome": _outcome,
    "outcome_subjective": _outcome_subjective,
    "clinical_predictors": _clinical,
    "baseline": _baseline,
    "treatments": _treatments,
    "quality_checks": _quality,
    "multi_centre": _multi_centre,
    "setting": _setting,
    "representative": _representative,
    "reference_quality": _reference_quality,
    "dates": _dates,
    "preprocessing": _extracted(
        lambda one: (
            f"{one['normalisation']}, scale {one['normalisation_scale']:g}, N4 "
            f"{'on' if one['n4'] else 'off'}."
        )
    ),
    "resampling": _extracted(_grid),
    "discretisation": _extracted(_bins),
    "image_types": _extracted(
        lambda one: (
            "Original"
            + ("".join(f", LoG {sigma:g} mm" for sigma in one["log_sigmas_mm"]))
            + (", wavelet." if one["wavelet"] else ".")
        )
    ),
    "software": _extracted(lambda one: f"gliomics, engine {one['engine']}; versions in the lineage."),
    "feature_classes": _extracted(lambda one: ", ".join(one["feature_classes"]) + "."),
    "extraction_settings": _extracted(lambda one: f"All {len(one)} settings are in the lineage."),
    "standardised_software": _standardised,
    "feature_number": _number,
    "segmentation_reliability": _segmentation,
    "feature_statistics": _statistics,
}
"""Rules by the key that the checklists' tables name."""

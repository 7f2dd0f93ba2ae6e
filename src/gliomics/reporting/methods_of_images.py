"""The methods of images: which scans, which features, which networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gliomics.radiomics.feature_names import panel_columns
from gliomics.radiomics.settings import RadiomicsSettings
from gliomics.reporting.methods_paragraph import MethodsParagraph

if TYPE_CHECKING:
    from gliomics.reporting.run_results import RunResults

PAPER = "The paper that this follows (doi 10.1038/s41698-026-01538-3) does not list its 726 features. "
RECONSTRUCTION = (
    "These 726 (three regions x (14 shape + 4 modalities x (18 first-order + 23 GLCM + 16 GLRLM))) are a "
    "reconstruction that matches the number; the published TCIA table has 726 columns, ID and date included, "
    "of which 724 are features, so that may be what the paper counted."
)
NOT_SKULL_STRIPPED = (
    " The scans are not skull-stripped: brain voxels are all that are not 0, skull and scalp among them."
)
NORMALISATIONS = {
    "brain_zscore": "z-scores over brain voxels",
    "whole_image": "z-scores over the whole image (pyradiomics' own)",
    "none": "not normalised",
}


def image_paragraphs(run: RunResults) -> tuple[MethodsParagraph, ...]:
    """Write what was done with images, from the settings; nothing where there are none."""
    settings = run.settings
    if "feature_engineering.radiomics" not in settings:
        return ()
    found: list[MethodsParagraph | None] = [_images(settings)]
    if run.metrics.get("feature_source") == "published":
        found.append(_published(settings))
    found.append(_radiomics(settings, used=run.metrics.get("feature_source") == "extracted"))
    found.append(_stability(settings["feature_engineering.stability"]))
    if any(figures.get("networks") for figures in run.evaluated.values()):
        found.append(_networks(run))
    return tuple(paragraph for paragraph in found if paragraph is not None)


def _images(settings: dict[str, Any]) -> MethodsParagraph:
    images = settings["ingestion.images"]
    text = (
        f"A case needs {', '.join(images['required_modalities'])} and a segmentation with the labels "
        f"{', '.join(map(str, images['allowed_labels']))}, all on one grid; a case that fails a check is "
        "quarantined by name."
    )
    cohort = settings.get("cohort_settings") or {}
    text += "" if cohort.get("skull_stripped", True) else NOT_SKULL_STRIPPED
    text += "".join(f" {caution.rstrip('.')}." for caution in cohort.get("cautions", ()))
    return MethodsParagraph("Images", text)


def _published(settings: dict[str, Any]) -> MethodsParagraph:
    panel = settings["cohort_settings"]["published_features"]["path"]
    text = (
        f"The radiomics arm learns from the published panel {panel}, as it was published; infinite and "
        "unreadable values are missing. The extraction below was run on the cases that have scans and is not "
        "what the arm uses."
    )
    return MethodsParagraph("Published features", text)


def _radiomics(settings: dict[str, Any], *, used: bool) -> MethodsParagraph:
    one = settings["feature_engineering.radiomics"]
    regions = ", ".join(
        f"{name.upper()} = labels {', '.join(map(str, labels))}" for name, labels in one["regions"].items()
    )
    bins = f"bin width {one['bin_width']:g}" if one["bin_width"] is not None else f"{one['bin_count']} bins"
    spacing = one["resampling_spacing_mm"]
    grid = "on the files' grid" if spacing is None else f"resampled to {spacing:g} mm"
    filters = [f"Laplacian of Gaussian (sigma {sigma:g} mm)" for sigma in one["log_sigmas_mm"]]
    filters += ["wavelet"] if one["wavelet"] else []
    engine = {
        "native": "kernels of our own that the project's tests hold equal to pyradiomics 3.0.1",
        "pyradiomics": "pyradiomics",
    }[one["engine"]]
    text = (
        f"Regions: {regions}. Intensities: {NORMALISATIONS[one['normalisation']]} x "
        f"{one['normalisation_scale']:g} + {one['voxel_array_shift']:g}, {grid}, bias-field correction (N4) "
        f"{'done' if one['n4'] else 'not done'}; {bins}; classes {', '.join(one['feature_classes'])}; "
        f"images: {', '.join(['original', *filters])}; by {engine}. A region that is absent has volume 0 and "
        f"everything else missing. {PAPER}{_panel(one)}"
    )
    return MethodsParagraph(
        "Radiomic features" if used else "Radiomic features (extracted, not used by the arm)", text
    )


def _panel(one: dict[str, Any]) -> str:
    """Say how many features there are, and of what."""
    columns = panel_columns(RadiomicsSettings.model_validate(one))
    if columns == panel_columns(RadiomicsSettings()):
        return RECONSTRUCTION
    regions, modalities = (", ".join(one[key]) for key in ("regions", "modalities"))
    return f"This cohort's panel has {len(columns)}: region(s) {regions}, modalities {modalities}."


def _stability(one: dict[str, Any]) -> MethodsParagraph | None:
    if not one["perturbations"]:
        return None
    text = (
        f"Every segmentation was perturbed {one['perturbations']} times (smooth displacement, SD "
        f"{one['displacement_mm']:g} mm; growth, SD {one['growth_mm']:g} mm). ICC(2,1), absolute agreement, "
        f"from at least {one['min_subjects']} patients, with {100 * one['confidence']:g} % interval."
    )
    return MethodsParagraph("Feature stability", text)


def _networks(run: RunResults) -> MethodsParagraph:
    settings = run.settings
    sampling, cnn = settings["embedding.sampling"], settings["embedding.cnn3d"]
    parts = [f"Two ways of looking: {', '.join(sampling['samplings'])}."]
    if cnn["enabled"]:
        parts.append(
            f"cnn3d: a small 3D network for every fold of {cnn['repeats']} repeat(s), trained on that fold's "
            f"training patients for {cnn['training']['epochs']} epochs; it encodes everybody, and a model of "
            "fold k uses vectors of network k only."
        )
    parts += [f"{line}." for line in run.not_learned]
    medicalnet = settings["embedding.medicalnet"]
    if medicalnet["enabled"]:
        weights = (
            "UNTRAINED (random) weights" if "medicalnet" in run.untrained else "pretrained weights, frozen"
        )
        parts.append(f"medicalnet: MedicalNet's 3D ResNet-18 with {weights}.")
    return MethodsParagraph("Networks", " ".join(parts))

"""From a case's scans to its features."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from threadpoolctl import ThreadpoolController

from gliomics.cohort.presence import presence_column
from gliomics.errors import ScanError
from gliomics.radiomics.feature_names import (
    MASK,
    FeatureName,
    filter_names,
    intensity_columns,
    mask_columns,
    panel_columns,
)
from gliomics.radiomics.filters import TOO_SMALL, filtered_crops
from gliomics.radiomics.grid import zyx_grid
from gliomics.radiomics.preprocessing import image_grid, intensity_scale, resampled
from gliomics.radiomics.regions import ABSENT, Region, find_regions, union_of_boxes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from gliomics.imaging.volume import Volume
    from gliomics.radiomics.grid import Grid, Triple
    from gliomics.radiomics.regions import Box
    from gliomics.radiomics.settings import RadiomicsSettings

logger = logging.getLogger(__name__)

MISSING_MODALITY = "missing_modality"
NOT_FINITE = "not_finite"
NO_CONTRAST = "image_without_contrast"
UNDEFINED = "undefined_for_this_region"
AFFINE_TOLERANCE_MM = 1e-2


class Engine(Protocol):
    """What computes features of a region's voxels."""

    def measure_mask(
        self, mask: NDArray[np.bool_], spacing: Triple, settings: RadiomicsSettings
    ) -> dict[str, NDArray[np.float64]]:
        """Compute every class that follows from the mask alone."""

    def measure_intensities(
        self, image: NDArray[Any], mask: NDArray[np.bool_], spacing: Triple, settings: RadiomicsSettings
    ) -> tuple[dict[str, NDArray[np.float64]], int]:
        """Compute every other class, and count the grey levels."""


def _native() -> Engine:
    from gliomics.radiomics import native_engine

    return native_engine


def _pyradiomics() -> Engine:
    from gliomics.radiomics import reference

    return reference


ENGINES: dict[str, Callable[[], Engine]] = {"native": _native, "pyradiomics": _pyradiomics}
"""Each is imported where it measures: numba and pyradiomics are large."""


@dataclass
class CaseFeatures:
    """The features of one case.

    Attributes
    ----------
    values : dict of str to float
        Every column of ``panel_columns``, in that order; NaN is missing.
    presence : dict of str to float
        ``region_present__<region>``: 1 or 0.
    reasons : dict of str to str
        Why a column is missing.
    grey_levels : dict of (str, str) to int
        Grey levels that occur in the original image, by modality and region.
    """

    values: dict[str, float]
    presence: dict[str, float]
    reasons: dict[str, str] = field(default_factory=dict)
    grey_levels: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def row(self) -> dict[str, float]:
        """Presence and features in one row."""
        return {**self.presence, **self.values}

    def put(self, columns: list[str], numbers: NDArray[np.float64]) -> None:
        """Store numbers; those that are NaN become missing with a reason.

        Parameters
        ----------
        columns : list of str
            Names.
        numbers : ndarray, shape (len(columns),)
            Values.
        """
        for column, number in zip(columns, numbers, strict=True):
            self.values[column] = float(number)
            if np.isnan(number):
                self.reasons[column] = UNDEFINED

    def miss(self, columns: list[str], reason: str) -> None:
        """Mark columns as missing.

        Parameters
        ----------
        columns : list of str
            Names.
        reason : str
            One of this package's reason codes.
        """
        self.reasons.update(dict.fromkeys(columns, reason))


def extract_case(
    subject_id: str, volumes: Mapping[str, Volume], mask: Volume, settings: RadiomicsSettings
) -> CaseFeatures:
    """Compute every feature of a case.

    Parameters
    ----------
    subject_id : str
        For messages.
    volumes : mapping of str to Volume
        Images by modality; each is asked for once and let go, so a mapping that reads files on demand
        (``gliomics.imaging.loading.ScanFiles``) keeps one image in memory.
    mask : Volume
        Segmentation with whole-number labels.
    settings : RadiomicsSettings
        What to measure.

    Returns
    -------
    CaseFeatures
        An absent region has volume 0 and everything else missing. What pyradiomics cannot compute is
        missing, with a reason.

    Raises
    ------
    ScanError
        ``label_not_integer``, or ``grid_mismatch`` if an image lies on another grid than the segmentation.
    """
    features = CaseFeatures(dict.fromkeys(panel_columns(settings), np.nan), {})
    engine = ENGINES[settings.engine]()
    labels = resampled(zyx_grid(whole_labels(subject_id, mask)), settings, is_mask=True)
    regions = find_regions(labels.array, settings)
    with _thread_pools().limit(limits=1, user_api="blas"):
        for region in regions:
            _measure_mask(features, region, labels.spacing, engine, settings)
        measurable = [region for region in regions if not region.refusal]
        for modality in settings.modalities:
            if modality in volumes and measurable:
                grid = _image_grid(subject_id, modality, volumes[modality], mask, settings)
                _measure_image(features, modality, grid, measurable, engine=engine, settings=settings)
                del grid  # before the next image is read
            elif modality not in volumes:
                _miss_where_unexplained(features, modality, settings)
    logger.debug("%s: %d features, %d missing", subject_id, len(features.values), len(features.reasons))
    return features


@cache
def _thread_pools() -> ThreadpoolController:
    return ThreadpoolController()


def _measure_mask(
    features: CaseFeatures, region: Region, spacing: Triple, engine: Engine, settings: RadiomicsSettings
) -> None:
    features.presence[presence_column(region.name)] = float(region.voxels > 0)
    columns = mask_columns(region.name, settings)
    if region.refusal:
        features.miss(columns, region.refusal)
        for modality in settings.modalities:
            features.miss(_region_columns(modality, region.name, settings), region.refusal)
    elif columns:
        values = engine.measure_mask(region.mask, spacing, settings)
        features.put(columns, np.concatenate(list(values.values())))
    if region.refusal == ABSENT and "shape" in settings.mask_classes:
        for name in ("VoxelVolume", "MeshVolume"):
            column = FeatureName(MASK, region.name, "shape", name).column
            features.values[column] = 0.0
            del features.reasons[column]


def _measure_image(
    features: CaseFeatures,
    modality: str,
    grid: Grid,
    regions: list[Region],
    *,
    engine: Engine,
    settings: RadiomicsSettings,
) -> None:
    scale = intensity_scale(grid.array, settings)
    grid = resampled(grid, settings, is_mask=False)
    around = union_of_boxes([region.box for region in regions])
    if not np.isfinite([scale.shift, scale.factor]).all():
        for region in regions:
            features.miss(_region_columns(modality, region.name, settings), NO_CONTRAST)
        return
    for image_filter, crop in filtered_crops(grid, scale, around, settings):
        for region in regions:
            columns: dict[str, list[str]] = {
                name: intensity_columns(modality, region.name, image_filter, name)
                for name in settings.image_classes
            }
            inside = None if crop is None else crop[_within(around, region.box)]
            if inside is None or not np.isfinite(inside[region.mask]).all():
                for names in columns.values():
                    features.miss(names, TOO_SMALL if inside is None else NOT_FINITE)
                continue
            values, levels = engine.measure_intensities(inside, region.mask, grid.spacing, settings)
            for name, numbers in values.items():
                features.put(columns[name], numbers)
            if image_filter == filter_names(settings)[0]:
                features.grey_levels[modality, region.name] = levels


def _within(outer: Box, inner: Box) -> Box:
    z, y, x = (
        slice(small.start - large.start, small.stop - large.start)
        for large, small in zip(outer, inner, strict=True)
    )
    return z, y, x


def _region_columns(modality: str, region: str, settings: RadiomicsSettings) -> list[str]:
    return [
        column
        for image_filter in filter_names(settings)
        for name in settings.image_classes
        for column in intensity_columns(modality, region, image_filter, name)
    ]


def _miss_where_unexplained(features: CaseFeatures, modality: str, settings: RadiomicsSettings) -> None:
    for region in settings.regions:
        columns = _region_columns(modality, region, settings)
        features.miss([column for column in columns if column not in features.reasons], MISSING_MODALITY)


def whole_labels(subject_id: str, mask: Volume) -> Volume:
    """Give a segmentation whose labels are of a whole-number type.

    Parameters
    ----------
    subject_id : str
        For messages.
    mask : Volume
        Segmentation, perhaps stored as fractions.

    Returns
    -------
    Volume
        The input itself when its type is whole already.

    Raises
    ------
    ScanError
        ``label_not_integer``.
    """
    if mask.array.dtype.kind in "iub":
        return mask
    whole = np.rint(mask.array)
    if not np.array_equal(whole, mask.array):
        raise ScanError(
            code="label_not_integer",
            where=f"{subject_id} [segmentation]",
            expected="labels must be whole numbers",
            got=f"{int(np.sum(whole != mask.array))} voxels with another value",
            fix="Export the segmentation without interpolation.",
        )
    return type(mask)(whole.astype(np.int16), mask.affine, mask.spacing_mm, mask.orientation)


def _image_grid(
    subject_id: str, modality: str, volume: Volume, mask: Volume, settings: RadiomicsSettings
) -> Grid:
    same_shape = volume.array.shape == mask.array.shape
    if same_shape and np.allclose(volume.affine, mask.affine, rtol=0, atol=AFFINE_TOLERANCE_MM):
        return image_grid(volume, settings)
    shape = f"shape must be the segmentation's {mask.array.shape}"
    raise ScanError(
        code="grid_mismatch",
        where=f"{subject_id} [{modality}]",
        expected="the affine must be the segmentation's" if same_shape else shape,
        got=f"one that is up to {np.abs(volume.affine - mask.affine).max():.3g} mm away"
        if same_shape
        else str(volume.array.shape),
        fix="Resample all scans of the case to one grid.",
    )

"""The regions of a segmentation: where they lie and whether pyradiomics would measure them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.radiomics.settings import RadiomicsSettings

ABSENT = "region_absent"
SINGLE_VOXEL = "region_of_one_voxel"
LINE = "region_is_a_line"
WHOLE_IMAGE = "region_covers_the_image"
Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Region:
    """One region of one case.

    Attributes
    ----------
    name : str
        Such as ``et``.
    voxels : int
        Size.
    box : tuple of slice
        Bounding box in (z, y, x); empty when absent.
    mask : ndarray of bool, shape of the box
        The region within its box, C-ordered.
    refusal : str
        Why pyradiomics does not measure it; empty if it does.
    """

    name: str
    voxels: int
    box: Box
    mask: NDArray[np.bool_]
    refusal: str


def find_regions(labels: NDArray[Any], settings: RadiomicsSettings) -> list[Region]:
    """Find every region of a segmentation.

    Parameters
    ----------
    labels : ndarray, shape (z, y, x)
        The segmentation, whole numbers.
    settings : RadiomicsSettings
        ``regions`` and ``label_map``.

    Returns
    -------
    list of Region
        In the order of the settings. pyradiomics measures only regions that extend along at least two axes
        and do not cover the whole image.
    """
    boxes = _label_boxes(labels)
    return [_region(name, inside, labels, boxes, settings) for name, inside in settings.regions.items()]


def label_box(*segmentations: NDArray[Any]) -> Box:
    """Give the smallest box around every label of several segmentations of one grid.

    Parameters
    ----------
    *segmentations : ndarray, shape (z, y, x)
        Whole numbers.

    Returns
    -------
    tuple of slice
        In (z, y, x); empty when no segmentation holds a label.
    """
    boxes = [box for labels in segmentations for box in _label_boxes(labels).values()]
    return union_of_boxes(boxes) if boxes else (slice(0), slice(0), slice(0))


def region_masks(labels: NDArray[Any], settings: RadiomicsSettings) -> dict[str, NDArray[np.bool_]]:
    """Give every region of a segmentation on the segmentation's own grid.

    Parameters
    ----------
    labels : ndarray
        The segmentation, whole numbers, any order of axes.
    settings : RadiomicsSettings
        ``regions`` and ``label_map``.

    Returns
    -------
    dict of str to ndarray of bool, shape of the labels
        By region, in the order of the settings.
    """
    found = [int(label) for label in np.unique(labels) if label != 0]
    return {
        name: np.isin(labels, [label for label in found if settings.label_map.get(label, label) in inside])
        for name, inside in settings.regions.items()
    }


def whole_tumour(labels: NDArray[Any], settings: RadiomicsSettings) -> NDArray[np.bool_]:
    """Give the region ``wt``; where the settings have none, all regions together."""
    masks = region_masks(labels, settings)
    union: NDArray[np.bool_] = np.logical_or.reduce(list(masks.values()))
    return masks.get("wt", union)


def _region(
    name: str,
    inside: tuple[int, ...],
    labels: NDArray[Any],
    boxes: dict[int, Box],
    settings: RadiomicsSettings,
) -> Region:
    wanted = [label for label in boxes if settings.label_map.get(label, label) in inside]
    if not wanted:
        return Region(name, 0, (slice(0), slice(0), slice(0)), np.zeros((0, 0, 0), dtype=bool), ABSENT)
    box = union_of_boxes([boxes[label] for label in wanted])
    mask = np.ascontiguousarray(np.isin(labels[box], wanted))
    voxels = int(np.count_nonzero(mask))
    long_axes = sum(length > 1 for length in mask.shape)
    refusal = (SINGLE_VOXEL, LINE, "", "")[long_axes]
    return Region(name, voxels, box, mask, WHOLE_IMAGE if voxels == labels.size else refusal)


def union_of_boxes(boxes: list[Box]) -> Box:
    """Give the smallest box around boxes.

    Parameters
    ----------
    boxes : list of tuple of slice
        At least one.

    Returns
    -------
    tuple of slice
        In (z, y, x).
    """
    z, y, x = (
        slice(min(box[axis].start for box in boxes), max(box[axis].stop for box in boxes))
        for axis in range(3)
    )
    return z, y, x


def _label_boxes(labels: NDArray[Any]) -> dict[int, Box]:
    # Numba is large: the process which only hands out cases does without it.
    from gliomics.radiomics.native.whole_image import scan_labels

    found, bounds = scan_labels(labels)
    return {
        int(label): tuple(slice(int(low), int(high) + 1) for low, high in extent)  # type: ignore[misc]
        for label, extent in zip(found, bounds, strict=True)
    }

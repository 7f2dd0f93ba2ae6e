"""Where the networks look: the tumour's box, and patches in its core and along its margin."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.ndimage import affine_transform, distance_transform_edt

from gliomics.errors import ScanError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.imaging.volume import Volume
    from gliomics.networks.settings import BoundingBoxSettings, PatchSettings

Kind = Literal["core", "margin"]
Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Cube:
    """A cube in the patient, its edges along the RAS+ axes whatever the orientation of the file.

    Attributes
    ----------
    centre_mm : ndarray, shape (3,)
        In RAS+ mm.
    step_mm : float
        Edge of a voxel of the resampled cube.
    voxels : int
        Voxels along an edge.
    """

    centre_mm: NDArray[np.float64]
    step_mm: float
    voxels: int

    def affine(self) -> NDArray[np.float64]:
        """Map voxel indices of the cube to RAS+ mm, shape (4, 4)."""
        affine = np.diag([self.step_mm, self.step_mm, self.step_mm, 1.0])
        affine[:3, 3] = self.centre_mm - self.step_mm * (self.voxels - 1) / 2
        return affine


@dataclass(frozen=True)
class PatchCentre:
    """One drawn centre.

    Attributes
    ----------
    kind : str
        ``core`` or ``margin``.
    voxel : tuple of int
        Index in the segmentation's array.
    mm : ndarray, shape (3,)
        RAS+ mm.
    """

    kind: Kind
    voxel: tuple[int, int, int]
    mm: NDArray[np.float64]


def bounding_cube(
    tumour: NDArray[np.bool_], affine: NDArray[np.float64], settings: BoundingBoxSettings
) -> Cube:
    """Put a cube around the tumour.

    Parameters
    ----------
    tumour : ndarray of bool, shape (x, y, z)
        Not empty.
    affine : ndarray, shape (4, 4)
        Voxel indices to RAS+ mm.
    settings : BoundingBoxSettings
        Margin and resolution.

    Returns
    -------
    Cube
        Centred on the box; its edge is the longest side of the box in mm plus both margins, so that
        nothing is stretched.
    """
    low, high = _extent(tumour)
    corners = np.array(np.meshgrid(*zip(low - 0.5, high + 0.5, strict=True))).reshape(3, -1)
    world = affine[:3, :3] @ corners + affine[:3, 3:]
    least, most = world.min(axis=1), world.max(axis=1)
    edge = float((most - least).max()) + 2 * settings.margin_mm
    return Cube((least + most) / 2, edge / settings.voxels, settings.voxels)


def draw_centres(
    labels: NDArray[Any],
    brain: NDArray[np.bool_],
    mask: Volume,
    settings: PatchSettings,
    *,
    subject_id: str,
    seed: int,
) -> list[PatchCentre]:
    """Draw the centres of a case's patches.

    Parameters
    ----------
    labels : ndarray, shape (x, y, z)
        Segmentation; 0 is no tumour.
    brain : ndarray of bool, shape (x, y, z)
        Where there is tissue.
    mask : Volume
        Whose grid `labels` has.
    settings : PatchSettings
        How many, and what core and margin are.
    subject_id : str
        Names the case and its generator.
    seed : int
        The run's seed.

    Returns
    -------
    list of PatchCentre
        First those of the core, then those of the margin; without repetition as long as there are voxels.

    Raises
    ------
    ScanError
        ``region_missing`` if the core or the margin has no voxel.
    """
    rng = _generator(seed, subject_id)
    box = _around(labels > 0, settings.margin_mm, mask.spacing_mm)
    regions: dict[Kind, NDArray[np.bool_]] = {
        "core": np.isin(labels[box], settings.core_labels),
        "margin": _shell(labels[box] > 0, settings.margin_mm, mask.spacing_mm) & brain[box],
    }
    wanted: dict[Kind, int] = {"core": settings.n - settings.n_margin, "margin": settings.n_margin}
    centres = []
    start = np.array([side.start for side in box])
    for kind, region in regions.items():
        if wanted[kind] == 0:
            continue
        places = np.argwhere(region)
        if len(places) == 0:
            raise _missing(subject_id, kind, settings)
        chosen = rng.choice(len(places), wanted[kind], replace=len(places) < wanted[kind])
        for place in places[chosen] + start:
            world = mask.affine[:3, :3] @ place + mask.affine[:3, 3]
            x, y, z = (int(index) for index in place)
            centres.append(PatchCentre(kind, (x, y, z), world))
    return centres


def patch_cube(centre: PatchCentre, settings: PatchSettings) -> Cube:
    """Put a patch's cube around its centre."""
    return Cube(centre.mm, settings.size_mm / settings.voxels, settings.voxels)


def cut(array: NDArray[np.float32], affine: NDArray[np.float64], cube: Cube) -> NDArray[np.float32]:
    """Resample the part of an image that lies in a cube.

    Parameters
    ----------
    array : ndarray, shape (x, y, z)
        Normalised intensities.
    affine : ndarray, shape (4, 4)
        Of the image.
    cube : Cube
        What is wanted.

    Returns
    -------
    ndarray of float32, shape (voxels, voxels, voxels)
        Linearly interpolated; 0 outside the image. Axes run along R, A, S.
    """
    to_index = np.linalg.inv(affine) @ cube.affine()
    box, start = _needed(to_index, cube.voxels, array.shape)
    if any(side.stop <= side.start for side in box):
        return np.zeros((cube.voxels,) * 3, dtype=np.float32)
    return affine_transform(  # type: ignore[no-any-return]
        array[box],
        to_index[:3, :3],
        offset=to_index[:3, 3] - start,
        output_shape=(cube.voxels,) * 3,
        output=np.float32,
        order=1,
        mode="grid-constant",
        cval=0.0,
    )


def normalised(array: NDArray[Any], clip: float, where: str) -> NDArray[np.float32]:
    """Bring an image to z-scores over its brain.

    Parameters
    ----------
    array : ndarray, shape (x, y, z)
        As in the file; voxels of exactly 0 and voxels without a finite value are no brain.
    clip : float
        Scores are cut off at plus and minus this.
    where : str
        Subject and modality, for the message.

    Returns
    -------
    ndarray of float32, shape (x, y, z)
        0 where there is no brain: always the same, unlike MedicalNet's random background.

    Raises
    ------
    ScanError
        ``image_without_contrast``.
    """
    values = array.astype(np.float32)
    brain = (values != 0) & np.isfinite(values)
    inside = values[brain].astype(np.float64)
    spread = float(inside.std()) if inside.size else 0.0
    if not spread > 0:
        raise ScanError(
            code="image_without_contrast",
            where=where,
            expected="the brain must have more than one intensity",
            got=f"{inside.size} voxels of one value",
            fix="Export the image again.",
        )
    scores = np.zeros_like(values)
    scores[brain] = np.clip((inside - inside.mean()) / spread, -clip, clip)
    return scores


def _generator(seed: int, subject_id: str) -> np.random.Generator:
    digest = hashlib.sha256(subject_id.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def _extent(region: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    low, high = [], []
    for axis in range(3):
        other = tuple(number for number in range(3) if number != axis)
        touched = np.flatnonzero(region.any(axis=other))
        low.append(touched[0])
        high.append(touched[-1])
    return np.array(low), np.array(high)


def _around(region: NDArray[np.bool_], margin_mm: float, spacing: tuple[float, float, float]) -> Box:
    low, high = _extent(region)
    more = np.ceil(margin_mm / np.array(spacing)).astype(int) + 1
    x, y, z = (
        slice(max(int(first - extra), 0), min(int(last + extra) + 1, size))
        for first, last, extra, size in zip(low, high, more, region.shape, strict=True)
    )
    return x, y, z


def _shell(
    tumour: NDArray[np.bool_], margin_mm: float, spacing: tuple[float, float, float]
) -> NDArray[np.bool_]:
    inside = distance_transform_edt(tumour, sampling=spacing)
    outside = distance_transform_edt(~tumour, sampling=spacing)
    shell: NDArray[np.bool_] = np.where(tumour, inside, outside) <= margin_mm
    return shell


def _needed(
    to_index: NDArray[np.float64], voxels: int, shape: tuple[int, ...]
) -> tuple[Box, NDArray[np.intp]]:
    """Give the part of an image that a cube is interpolated from."""
    corners = np.array(np.meshgrid(*[[0, voxels - 1]] * 3)).reshape(3, -1)
    index = to_index[:3, :3] @ corners + to_index[:3, 3:]
    start = np.clip(np.floor(index.min(axis=1)).astype(int) - 1, 0, shape)
    stop = np.clip(np.ceil(index.max(axis=1)).astype(int) + 2, 0, shape)
    x, y, z = (slice(int(first), int(last)) for first, last in zip(start, stop, strict=True))
    return (x, y, z), start


def _missing(subject_id: str, kind: Kind, settings: PatchSettings) -> ScanError:
    core = kind == "core"
    return ScanError(
        code="region_missing",
        where=f"{subject_id} [mask]",
        expected=f"the {kind} that patches are drawn from must have voxels",
        got=f"no voxel of label {', '.join(map(str, settings.core_labels))}" if core else "no brain there",
        fix="Correct the segmentation, change embedding.sampling.patches.margin_share or core_labels, or "
        "take the sampling bounding_box only.",
    )

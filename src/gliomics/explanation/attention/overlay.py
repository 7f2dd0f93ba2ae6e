"""Three slices of a scan with the heat over it and the tumour's contour, as a small picture."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from matplotlib import colormaps
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import binary_erosion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.explanation.attention.settings import OverlaySettings

TUMOUR_COLOUR = (86, 180, 233)
"""Sky blue of Okabe and Ito: apart from the heat's colours for every kind of colour vision."""
VIEW_COLOUR = (200, 200, 200)
COLOURS = "inferno"
BRIGHTEST = 99.5
"""Percentile of the brain that is drawn white."""
GAP_PX, BAR_PX, MARGIN_VOXELS = 10, 8, 2
Voxel = tuple[int, int, int]


@dataclass(frozen=True)
class Scene:
    """What is drawn, in any orientation of the file.

    Attributes
    ----------
    image : ndarray, shape (x, y, z)
        The scan; 0 is no brain.
    tumour : ndarray of bool, shape (x, y, z)
        Whole tumour.
    heat : ndarray, shape (x, y, z)
        NaN outside the field of view.
    affine : ndarray, shape (4, 4)
        Voxels to RAS+ mm.
    """

    image: NDArray[Any]
    tumour: NDArray[np.bool_]
    heat: NDArray[np.float32]
    affine: NDArray[np.float64]


def triplanar(scene: Scene, settings: OverlaySettings) -> bytes:
    """Draw an axial, a coronal and a sagittal slice side by side.

    The patient's right is on the left of the axial and the coronal slice, the front on the left of the
    sagittal one; both are labelled. Heat runs from 0 to the largest of this map. The tumour's contour is a
    line, the border of the field of view a dotted one.

    Parameters
    ----------
    scene : Scene
        Scan, tumour and heat.
    settings : OverlaySettings
        Size, opacity and where the slices lie.

    Returns
    -------
    bytes
        A WebP file; the same for the same scene.
    """
    turned, spacing = _canonical(scene)
    centre = _centre(turned, settings)
    box = _brain_box(turned.image, centre)
    top = float(np.nanmax(turned.heat)) if np.isfinite(turned.heat).any() else 0.0
    brain = turned.image[turned.image != 0]
    white = float(np.percentile(brain, BRIGHTEST)) if brain.size else 1.0
    panels = [
        _panel(_slice(turned, box, axis, centre), _sides(spacing, axis), ends, (white, top), settings)
        for axis, ends in ((2, "RL"), (1, "RL"), (0, "AP"))
    ]
    return _encode(_side_by_side(panels, settings), settings)


def _canonical(scene: Scene) -> tuple[Scene, NDArray[np.float64]]:
    """Turn the arrays so that their axes run nearest to right, front and top."""
    turn = nib.io_orientation(scene.affine)  # type: ignore[no-untyped-call]
    image, tumour, heat = (
        nib.apply_orientation(array, turn)  # type: ignore[no-untyped-call]
        for array in (scene.image, scene.tumour, scene.heat)
    )
    spacing = np.empty(3)
    spacing[turn[:, 0].astype(int)] = np.linalg.norm(scene.affine[:3, :3], axis=0)
    return Scene(image, tumour, heat, scene.affine), spacing


def _centre(scene: Scene, settings: OverlaySettings) -> Voxel:
    if settings.slices_through == "heat" and np.nanmax(scene.heat, initial=0.0) > 0:
        x, y, z = np.unravel_index(int(np.nanargmax(scene.heat)), scene.heat.shape)
        return int(x), int(y), int(z)
    places = np.argwhere(scene.tumour)
    if not len(places):
        x, y, z = (size // 2 for size in scene.image.shape)
        return x, y, z
    mean = places.mean(axis=0)
    x, y, z = places[((places - mean) ** 2).sum(axis=1).argmin()]
    return int(x), int(y), int(z)


def _brain_box(image: NDArray[Any], centre: Voxel) -> tuple[slice, slice, slice]:
    box = []
    for axis in range(3):
        touched = np.flatnonzero((image != 0).any(axis=tuple({0, 1, 2} - {axis})))
        ends = np.append(touched, centre[axis])
        box.append(
            slice(
                max(int(ends.min()) - MARGIN_VOXELS, 0),
                min(int(ends.max()) + MARGIN_VOXELS + 1, image.shape[axis]),
            )
        )
    return box[0], box[1], box[2]


def _slice(scene: Scene, box: tuple[slice, slice, slice], axis: int, centre: Voxel) -> list[NDArray[Any]]:
    """Cut image, tumour and heat; rows from the top down, columns from the patient's right or front on."""
    place: list[Any] = list(box)
    place[axis] = centre[axis]
    return [
        np.ascontiguousarray(array[tuple(place)].T[::-1, ::-1])
        for array in (scene.image, scene.tumour, scene.heat)
    ]


def _sides(spacing: NDArray[np.float64], axis: int) -> tuple[float, float]:
    """Give the size of a pixel of a slice, across and down, in mm."""
    across, down = np.delete(spacing, axis)
    return float(across), float(down)


def _panel(
    layers: list[NDArray[Any]],
    sides: tuple[float, float],
    ends: str,
    ranges: tuple[float, float],
    settings: OverlaySettings,
) -> Image.Image:
    image, tumour, heat = layers
    white, top = ranges
    rows, columns = image.shape
    width = max(round(settings.height_px * columns * sides[0] / (rows * sides[1])), 1)
    size = (width, settings.height_px)
    grey = np.clip(_resized(image.astype(np.float32), size) / max(white, 1e-12), 0.0, 1.0) * 255.0
    canvas = np.repeat(grey[:, :, None], 3, axis=2)
    seen = _resized(np.isfinite(heat).astype(np.float32), size) >= 0.5
    if top > 0:
        level = np.clip(_resized(np.nan_to_num(heat), size) / top, 0.0, 1.0) * seen
        cover = (settings.opacity * np.sqrt(level))[:, :, None]
        canvas = (1.0 - cover) * canvas + cover * (colormaps[COLOURS](level)[:, :, :3] * 255.0)
    dotted = (np.add.outer(np.arange(size[1]), np.arange(size[0])) // 2) % 2 == 0
    canvas[_edge(seen) & dotted] = VIEW_COLOUR
    canvas[_edge(_resized(tumour.astype(np.float32), size) >= 0.5)] = TUMOUR_COLOUR
    panel = Image.fromarray(np.rint(canvas).astype(np.uint8))
    draw = ImageDraw.Draw(panel)
    font = ImageFont.load_default(size=max(settings.height_px // 14, 8))
    draw.text((2, 1), ends[0], fill="white", font=font, stroke_width=1, stroke_fill="black")
    draw.text(
        (width - 2, 1), ends[1], fill="white", font=font, anchor="ra", stroke_width=1, stroke_fill="black"
    )
    return panel


def _resized(layer: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(layer).resize(size, Image.Resampling.BILINEAR))


def _edge(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    edge: NDArray[np.bool_] = inside & ~binary_erosion(inside)
    return edge


def _side_by_side(panels: list[Image.Image], settings: OverlaySettings) -> Image.Image:
    """Join the panels and a bar of the heat's colours, its largest value on top."""
    height = settings.height_px
    width = sum(panel.width + GAP_PX for panel in panels) + BAR_PX
    joined = Image.new("RGB", (width, height))
    left = 0
    for panel in panels:
        joined.paste(panel, (left, 0))
        left += panel.width + GAP_PX
    bar = colormaps[COLOURS](np.linspace(1.0, 0.0, height))[:, None, :3] * 255.0
    joined.paste(Image.fromarray(np.rint(np.repeat(bar, BAR_PX, axis=1)).astype(np.uint8)), (left, 0))
    return joined


def _encode(picture: Image.Image, settings: OverlaySettings) -> bytes:
    file = io.BytesIO()
    picture.save(file, format="WEBP", quality=settings.quality, method=4)
    return file.getvalue()

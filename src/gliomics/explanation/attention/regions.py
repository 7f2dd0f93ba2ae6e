"""How much of the heat lies in which part of the tumour and the brain, against how much of the view does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import distance_transform_edt

from gliomics.radiomics.regions import region_masks, whole_tumour

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.explanation.attention.placement import Placement
    from gliomics.imaging.volume import Volume
    from gliomics.radiomics.settings import RadiomicsSettings

REGIONS = ("et", "tc", "edema", "margin", "healthy", "background")
"""Enhancing tumour, tumour core (with it), the rest of the whole tumour, the shell around it, the rest of the
brain, and what is no brain. Without ``et`` they share out the field of view. A cohort without a core has
``wt``, the whole tumour, instead of core and edema."""


def regions_in_view(
    mask: Volume,
    brain: NDArray[np.bool_],
    voxels: NDArray[np.int64],
    settings: RadiomicsSettings,
    margin_mm: float,
) -> dict[str, NDArray[np.bool_]]:
    """Say of each voxel of the field of view in which regions it lies.

    Parameters
    ----------
    mask : Volume
        The segmentation.
    brain : ndarray of bool, shape (x, y, z)
        Where there is tissue.
    voxels : ndarray of int, shape (v,)
        Flat indices of the field of view.
    settings : RadiomicsSettings
        Labels of the regions.
    margin_mm : float
        Thickness of the shell around the whole tumour.

    Returns
    -------
    dict of str to ndarray of bool, shape (v,)
        By region (`REGIONS`).
    """
    labels = np.rint(mask.array).astype(np.int16)
    inside = region_masks(labels.reshape(-1)[voxels], settings)
    tumour = whole_tumour(labels.reshape(-1)[voxels], settings)
    near = _near(whole_tumour(labels, settings), mask.spacing_mm, margin_mm).reshape(-1)[voxels]
    tissue = brain.reshape(-1)[voxels] & ~tumour
    known = {name: region for name, region in inside.items() if name in ("et", "tc")}
    rest = {"edema": tumour & ~inside["tc"]} if "tc" in inside else {"wt": tumour}
    return {
        **known,
        **rest,
        "margin": tissue & near,
        "healthy": tissue & ~near,
        "background": ~tumour & ~tissue,
    }


@dataclass(frozen=True)
class RegionShares:
    """Shares of regions in the heat of any map of one case, found without placing each map.

    Attributes
    ----------
    field_share : dict of str to float
        Share of each region in the field of view.
    sums : ndarray, shape (regions, crops x cells)
        Heat that a cell of value 1 gives to each region.
    total : ndarray, shape (crops x cells,)
        Heat that it gives in all.
    """

    field_share: dict[str, float]
    sums: NDArray[np.float64]
    total: NDArray[np.float64]

    def rows(self, maps: NDArray[np.floating]) -> list[dict[str, Any]]:
        """Give the shares of a map, one row a region.

        Parameters
        ----------
        maps : ndarray, shape (crops, x, y, z)
            One map a crop.

        Returns
        -------
        list of dict
            ``region``, ``field_share``, ``heat_share`` and ``enrichment``, the second over the first; NaN
            where there is no heat, or where the region is not in view.
        """
        cells = np.asarray(maps, dtype=np.float64).ravel()
        heat = float(self.total @ cells)
        rows = []
        for (region, share), sums in zip(self.field_share.items(), self.sums, strict=True):
            part = float(sums @ cells) / heat if heat > 0 else float("nan")
            rows.append(
                {
                    "region": region,
                    "field_share": share,
                    "heat_share": part,
                    "enrichment": part / share if share > 0 else float("nan"),
                }
            )
        return rows


def region_shares(placement: Placement, regions: dict[str, NDArray[np.bool_]]) -> RegionShares:
    """Prepare the shares of a case.

    Parameters
    ----------
    placement : Placement
        How maps become heat.
    regions : dict of str to ndarray of bool, shape (v,)
        As `regions_in_view` gives them.

    Returns
    -------
    RegionShares
    """
    members = np.stack([inside.astype(np.float64) for inside in regions.values()])
    turned = placement.operator.T.tocsr()
    return RegionShares(
        {name: float(inside.mean()) if inside.size else 0.0 for name, inside in regions.items()},
        np.asarray(turned @ members.T).T,
        np.asarray(turned @ np.ones(len(placement.voxels))),
    )


def _near(tumour: NDArray[np.bool_], spacing_mm: tuple[float, float, float], within_mm: float) -> Any:
    """Find the voxels at most so far from the tumour; the distance is computed around it only."""
    near = np.zeros(tumour.shape, dtype=bool)
    if not tumour.any():
        return near
    box = []
    for axis, (size, step) in enumerate(zip(tumour.shape, spacing_mm, strict=True)):
        touched = np.flatnonzero(tumour.any(axis=tuple({0, 1, 2} - {axis})))
        more = int(np.ceil(within_mm / step)) + 1
        box.append(slice(max(touched[0] - more, 0), min(touched[-1] + more + 1, size)))
    part = tuple(box)
    near[part] = distance_transform_edt(~tumour[part], sampling=spacing_mm) <= within_mm
    return near

"""A published-like panel, computed from the synthetic scans, with the quirks of the real one.

The real panel of BraTS-TCGA-LGG (Bakas et al., Sci Data 2017) spells a few names differently, leaves the
features of an absent region blank and holds a spreadsheet's error where it divided by an empty region. So
does this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import kurtosis, skew

from gliomics.demo.settings import SPACING_MM
from gliomics.demo.tumour import EDEMA, ENHANCING, NON_ENHANCING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from gliomics.demo.scans import Scans

REGIONS: Final = {"ET": ENHANCING, "NET": NON_ENHANCING, "ED": EDEMA}
MODALITIES: Final = {"T1Gd": "t1ce", "T1": "t1", "T2": "t2", "FLAIR": "flair"}
RATIOS: Final = (
    ("ET", "OVER", "NET"),
    ("ET", "OVER", "ED"),
    ("NET", "OVER", "ED"),
    ("ET", "over", "TC"),
    ("NET", "over", "TC"),
    ("ED", "over", "TC"),
    ("ET", "OVER", "WT"),
    ("NET", "OVER", "WT"),
    ("ED", "OVER", "WT"),
    ("TC", "OVER", "WT"),
    ("ET", "OVER", "BRAIN"),
    ("NET", "OVER", "BRAIN"),
    ("ED", "over", "BRAIN"),
    ("TC", "over", "BRAIN"),
    ("WT", "OVER", "BRAIN"),
)
HISTOGRAM_BINS: Final = 10
HISTOGRAM_RANGE: Final = (0.0, 255.0)
Row = dict[str, str]


def panel_row(subject_id: str, date: str, scans: Scans) -> Row:
    """Compute one patient's row of the panel.

    Parameters
    ----------
    subject_id, date : str
        The first two columns.
    scans : Scans
        Images and the manually corrected segmentation.

    Returns
    -------
    dict of str to str
        Volumes in mm3; intensities after scaling each image so that its brain has mean 128 and SD 32; the
        share of voxels in ten bins, in percent; variance, skewness and kurtosis. A region that is absent
        has volume 0 and ``NaN`` elsewhere.
    """
    row: Row = {"ID": subject_id, "Date": date}
    row |= _volumes(scans)
    brain = scans.images["t1"] > 0
    scaled = {name: _scaled(scans.images[modality], brain) for name, modality in MODALITIES.items()}
    inside = {
        (region, name): image[scans.labels == label]
        for region, label in REGIONS.items()
        for name, image in scaled.items()
    }
    for (region, name), values in inside.items():
        row[f"INTENSITY_Mean_{region}_{name}"] = _number(np.mean(values) if values.size else None)
        row[f"INTENSITY_STD_{region}_{name}"] = _number(np.std(values) if values.size else None)
    for (region, name), values in inside.items():
        shares = _histogram(values)
        row |= {f"HISTO_{region}_{name}_Bin{i + 1}": shares[i] for i in range(HISTOGRAM_BINS)}
    for (region, name), values in inside.items():
        row |= {f"TEXTURE_GLOBAL_{region}_{name}_{kind}": v for kind, v in _moments(values).items()}
    return row


def panel_csv(rows: Sequence[Mapping[str, str]]) -> str:
    """Join rows to a CSV text, its columns in the order of the first row."""
    columns = list(rows[0])
    lines = [",".join(columns), *(",".join(row[column] for column in columns) for row in rows)]
    return "\n".join(lines) + "\n"


def _volumes(scans: Scans) -> Row:
    voxels = {region: int((scans.labels == label).sum()) for region, label in REGIONS.items()}
    voxels["TC"] = voxels["ET"] + voxels["NET"]
    voxels["WT"] = voxels["TC"] + voxels["ED"]
    voxels["BRAIN"] = int((scans.images["t1"] > 0).sum())
    volumes = {f"VOLUME_{region}": f"{count * SPACING_MM**3:g}" for region, count in voxels.items()}
    for top, word, bottom in RATIOS:
        ratio = f"{voxels[top] / voxels[bottom]:.8g}" if voxels[bottom] else "#DIV/0!"
        volumes[f"VOLUME_{top}_{word}_{bottom}"] = ratio
    return volumes


def _scaled(image: NDArray[np.int16], brain: NDArray[np.bool_]) -> NDArray[np.float64]:
    values = image[brain].astype(np.float64)
    centred = image.astype(np.float64) - float(values.mean())
    return 128.0 + 32.0 * centred / float(values.std())


def _histogram(values: NDArray[np.float64]) -> list[str]:
    if not values.size:
        return ["NaN"] * HISTOGRAM_BINS
    counts, _ = np.histogram(np.clip(values, *HISTOGRAM_RANGE), bins=HISTOGRAM_BINS, range=HISTOGRAM_RANGE)
    return [_number(100.0 * count / values.size) for count in counts]


def _moments(values: NDArray[np.float64]) -> Row:
    if values.size < 4 or np.ptp(values) == 0:
        return dict.fromkeys(("Variance", "Skewness", "Kurtosis"), "NaN")
    return {
        "Variance": _number(np.var(values)),
        "Skewness": _number(skew(values)),
        "Kurtosis": _number(kurtosis(values)),
    }


def _number(value: float | np.floating | None) -> str:
    return "NaN" if value is None else f"{float(value):.7g}"

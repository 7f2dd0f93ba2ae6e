import numpy as np
import pytest
from scipy.stats import kurtosis

from gliomics.demo.panel import panel_row
from gliomics.demo.scans import Scans


@pytest.fixture
def scans(rng: np.random.Generator) -> Scans:
    """8 x 8 x 8 brain of random intensities; 30 non-enhancing and 60 edema voxels, nothing enhances."""
    labels = np.zeros((10, 10, 10), dtype=np.uint8)
    labels[2:7, 2:5, 2:4] = 1
    labels[2:7, 2:5, 4:8] = 2
    brain = np.zeros(labels.shape, dtype=bool)
    brain[1:9, 1:9, 1:9] = True
    images = {
        name: np.where(brain, rng.integers(50, 500, labels.shape), 0).astype(np.int16)
        for name in ("t1", "t1ce", "t2", "flair")
    }
    return Scans(images, labels, labels)


def test_known_volumes_and_intensities(scans: Scans):
    row = panel_row("TCGA-Z1-SY01", "2000.01.01", scans)
    assert (row["VOLUME_NET"], row["VOLUME_ED"], row["VOLUME_WT"]) == ("240", "480", "720")
    assert float(row["VOLUME_NET_OVER_ED"]) == 0.5
    assert float(row["VOLUME_BRAIN"]) == 8 * 512
    t2 = scans.images["t2"].astype(float)
    inside, brain = t2[scans.labels == 1], t2[t2 > 0]
    gain = 32 / brain.std()
    assert float(row["INTENSITY_Mean_NET_T2"]) == pytest.approx(128 + gain * (inside.mean() - brain.mean()))
    assert float(row["TEXTURE_GLOBAL_NET_T2_Variance"]) == pytest.approx(gain**2 * inside.var())
    assert float(row["TEXTURE_GLOBAL_NET_T2_Kurtosis"]) == pytest.approx(kurtosis(inside), abs=1e-6)


def test_absent_enhancement_is_spelt_as_in_the_published_table(scans: Scans):
    row = panel_row("TCGA-Z1-SY01", "2000.01.01", scans)
    of_et = {name: value for name, value in row.items() if "_ET_" in name or name.endswith("_ET")}
    volumes = {name: value for name, value in of_et.items() if name.startswith("VOLUME_")}
    assert set(volumes.values()) == {"0"}
    assert {value for name, value in of_et.items() if name not in volumes} == {"NaN"}


def test_a_ratio_to_an_empty_region_is_a_spreadsheet_error(scans: Scans):
    labels = np.where(scans.labels == 2, 0, scans.labels).astype(np.uint8)
    row = panel_row("TCGA-Z1-SY01", "2000.01.01", Scans(scans.images, labels, labels))
    failed = {name for name, value in row.items() if value == "#DIV/0!"}
    assert failed == {"VOLUME_ET_OVER_ED", "VOLUME_NET_OVER_ED"}, "as in the real TCGA-HT-7686"


@pytest.mark.real_data
def test_every_column_has_a_name_of_the_real_table(scans: Scans, real_data):
    header = (real_data / "tcga_lgg" / "TCGA_LGG_radiomicFeatures.csv").read_text().split("\n", 1)[0]
    real = set(header.strip().split(","))
    families = ("ID", "Date", "VOLUME_", "INTENSITY_", "HISTO_", "TEXTURE_GLOBAL_")
    assert set(panel_row("TCGA-Z1-SY01", "2000.01.01", scans)) == {c for c in real if c.startswith(families)}

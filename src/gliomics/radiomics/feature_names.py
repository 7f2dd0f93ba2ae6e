"""The names of feature columns: built and parsed here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from gliomics.errors import FeatureTableError
from gliomics.radiomics.feature_classes import FEATURE_CLASSES

if TYPE_CHECKING:
    from gliomics.radiomics.settings import RadiomicsSettings

ORIGINAL = "original"
MASK = "mask"


@dataclass(frozen=True)
class FeatureName:
    """A column's meaning.

    Attributes
    ----------
    modality : str
        Image, or ``mask`` for shape.
    region : str
        Tumour region.
    feature_class, name : str
        pyradiomics' class and feature.
    image_filter : str
        ``original``, or pyradiomics' name of the filtered image (``wavelet-LLH``, ``log-sigma-3-0-mm-3D``).
    """

    modality: str
    region: str
    feature_class: str
    name: str
    image_filter: str = ORIGINAL

    @property
    def column(self) -> str:
        """The column's name."""
        filtered = "" if self.image_filter == ORIGINAL else f"{self.image_filter}_"
        return f"{self.modality}__{self.region}__{filtered}{self.feature_class}_{self.name}"


def parse_column(column: str) -> FeatureName:
    """Read a column's name.

    Parameters
    ----------
    column : str
        Such as ``t1ce__et__glcm_Contrast`` or ``mask__wt__shape_MeshVolume``.

    Returns
    -------
    FeatureName
        Whose ``column`` is the argument again.

    Raises
    ------
    FeatureTableError
        If the name is not one that this module builds.

    Examples
    --------
    >>> parse_column("flair__wt__wavelet-LLH_glcm_Idmn").image_filter
    'wavelet-LLH'
    """
    parts = column.split("__")
    feature = parts[-1].split("_")
    if len(parts) == 3 and len(feature) in (2, 3):
        image_filter = feature[0] if len(feature) == 3 else ORIGINAL
        parsed = FeatureName(parts[0], parts[1], feature[-2], feature[-1], image_filter)
        known = FEATURE_CLASSES.get(parsed.feature_class)
        if known is not None and parsed.name in known.features and all(parts):
            return parsed
    raise FeatureTableError(
        where=f"feature column {column!r}",
        expected="a name must be <modality>__<region>__[<filter>_]<class>_<feature> of a known feature",
        got=repr(column),
        fix="Compute the table again, or rename the column.",
    )


def filter_names(settings: RadiomicsSettings) -> tuple[str, ...]:
    """Name the images that features are computed on, as pyradiomics does.

    Parameters
    ----------
    settings : RadiomicsSettings
        Which filters are on.

    Returns
    -------
    tuple of str
        ``original`` first.

    Examples
    --------
    >>> from gliomics.radiomics.settings import RadiomicsSettings
    >>> filter_names(RadiomicsSettings(log_sigmas_mm=(3,)))
    ('original', 'log-sigma-3-0-mm-3D')
    """
    logs = [log_filter_name(sigma) for sigma in settings.log_sigmas_mm]
    wavelets = ["wavelet-" + "".join(bands) for bands in product("LH", repeat=3)] if settings.wavelet else []
    return (ORIGINAL, *logs, *wavelets)


def log_filter_name(sigma_mm: float) -> str:
    """Name a Laplacian of Gaussian image.

    Parameters
    ----------
    sigma_mm : float
        Standard deviation of the Gaussian.

    Returns
    -------
    str
        pyradiomics' name, such as ``log-sigma-3-0-mm-3D``.
    """
    return f"log-sigma-{str(float(sigma_mm)).replace('.', '-')}-mm-3D"


def mask_columns(region: str, settings: RadiomicsSettings) -> list[str]:
    """List the columns of a region that follow from the mask alone.

    Parameters
    ----------
    region : str
        Such as ``wt``.
    settings : RadiomicsSettings
        Which classes there are.

    Returns
    -------
    list of str
        Class after class, each in the order of its features.
    """
    return [
        FeatureName(MASK, region, name, feature).column
        for name in settings.mask_classes
        for feature in FEATURE_CLASSES[name].features
    ]


def intensity_columns(modality: str, region: str, image_filter: str, feature_class: str) -> list[str]:
    """List the columns of one class on one image and region.

    Parameters
    ----------
    modality, region, image_filter, feature_class : str
        As in ``FeatureName``.

    Returns
    -------
    list of str
        In the order of the class's features.
    """
    return [
        FeatureName(modality, region, feature_class, name, image_filter).column
        for name in FEATURE_CLASSES[feature_class].features
    ]


def panel_columns(settings: RadiomicsSettings) -> list[str]:
    """List every feature column; 726 for the default settings.

    Parameters
    ----------
    settings : RadiomicsSettings
        Modalities, regions, classes and filters.

    Returns
    -------
    list of str
        Without the presence columns.

    Examples
    --------
    >>> from gliomics.radiomics.settings import RadiomicsSettings
    >>> len(panel_columns(RadiomicsSettings()))
    726
    """
    columns = []
    for region in settings.regions:
        columns += mask_columns(region, settings)
        for modality, image_filter in product(settings.modalities, filter_names(settings)):
            for feature_class in settings.image_classes:
                columns += intensity_columns(modality, region, image_filter, feature_class)
    return columns

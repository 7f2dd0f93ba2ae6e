"""A scan in memory: its voxels and where they lie."""

from __future__ import annotations

import gzip
import io
import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from gliomics.errors import ScanError

if TYPE_CHECKING:
    from numpy.typing import NDArray

GZIP_MAGIC = b"\x1f\x8b"
UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    MemoryError,
    zlib.error,
    ImageFileError,
    HeaderDataError,
    WrapStructError,
)
"""What nibabel, gzip and numpy raise over a file that is no whole NIfTI file."""


@dataclass(frozen=True)
class Volume:
    """One scan.

    Attributes
    ----------
    array : ndarray, shape (x, y, z)
        Voxels with the file's scaling applied; the file's own type when it has none.
    affine : ndarray, shape (4, 4)
        Voxel indices to RAS+ millimetres.
    spacing_mm : tuple of float
        Voxel size along (x, y, z), in mm.
    orientation : str
        Axis codes, such as ``LPS``.
    """

    array: NDArray[Any]
    affine: NDArray[np.float64]
    spacing_mm: tuple[float, float, float]
    orientation: str


def read_volume(content: bytes, where: str) -> Volume:
    """Decode a NIfTI file.

    Parameters
    ----------
    content : bytes
        The file, gzipped or not.
    where : str
        Subject and modality, for the message.

    Returns
    -------
    Volume
        Three-dimensional; a trailing axis of length 1 is dropped.

    Raises
    ------
    ScanError
        ``unreadable_file`` or ``not_three_dimensional``.
    """
    try:
        plain = gzip.decompress(content) if content.startswith(GZIP_MAGIC) else content
        with np.errstate(all="ignore"):  # A header's infinities are looked for below, in what comes of them.
            image = _nifti(plain)
            array = np.asanyarray(image.dataobj)
    except UNREADABLE as error:
        cause = (str(error).splitlines() or [type(error).__name__])[0]
        raise _unreadable(
            where,
            "the file must be a whole NIfTI file (.nii or .nii.gz)",
            f"{len(content)} bytes that cannot be read ({cause})",
        ) from error
    if array.dtype.kind not in "biuf":
        raise _unreadable(where, "every voxel must be one real number", f"voxels of type {array.dtype}")
    while array.ndim > 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != 3 or 0 in array.shape:
        raise ScanError(
            code="not_three_dimensional",
            where=where,
            expected="the file must hold one three-dimensional volume",
            got=f"shape {array.shape}",
            fix="Export one volume a file.",
        )
    affine = np.asarray(image.affine, dtype=np.float64)
    spacing = tuple(float(size) for size in image.header.get_zooms()[:3])
    finite = bool(np.isfinite(affine).all() and np.isfinite(spacing).all())
    axes = nib.aff2axcodes(affine) if finite else (None,)  # type: ignore[no-untyped-call]
    if None in axes:
        raise _unreadable(
            where,
            "the header must say where the voxels lie",
            f"spacing {spacing} mm and affine {affine[:3].round(3).tolist()}",
        )
    return Volume(array, affine, spacing, "".join(axes))  # type: ignore[arg-type]


def _unreadable(where: str, expected: str, got: str) -> ScanError:
    return ScanError(
        code="unreadable_file", where=where, expected=expected, got=got, fix="Copy or export the file again."
    )


def _nifti(plain: bytes) -> Any:
    """Parse the header, and refuse one that promises more than there is before memory is set aside for it."""
    kind = nib.Nifti2Image if plain[:4] in (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c") else nib.Nifti1Image
    image: Any = kind.from_stream(io.BytesIO(plain))
    voxels = image.dataobj
    needed = voxels.offset + math.prod(voxels.shape) * voxels.dtype.itemsize
    if needed > len(plain):
        raise ValueError(f"the header promises {needed} bytes, there are {len(plain)}")
    return image

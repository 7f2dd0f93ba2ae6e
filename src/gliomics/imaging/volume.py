"""A scan in memory: its voxels and where they lie."""

from __future__ import annotations

import gzip
import io
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
        image = _nifti(plain)
        array = np.asanyarray(image.dataobj)
    except UNREADABLE as error:
        raise ScanError(
            code="unreadable_file",
            where=where,
            expected="the file must be a whole NIfTI file (.nii or .nii.gz)",
            got=f"{len(content)} bytes that cannot be read ({str(error).splitlines()[0] or 'no data'})",
            fix="Copy or export the file again.",
        ) from error
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
    orientation = "".join(code or "?" for code in nib.aff2axcodes(affine))  # type: ignore[no-untyped-call]
    return Volume(array, affine, spacing, orientation)  # type: ignore[arg-type]


def _nifti(plain: bytes) -> Any:
    kind = nib.Nifti2Image if plain[:4] in (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c") else nib.Nifti1Image
    return kind.from_stream(io.BytesIO(plain))

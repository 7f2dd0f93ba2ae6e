import gzip
import io
import struct

import nibabel as nib
from hypothesis import given
from hypothesis import strategies as st

from gliomics.errors import ScanError
from gliomics.imaging.volume import read_volume
from phantoms import LPS, brain

WHOLE = nib.Nifti1Image(brain(), LPS).to_bytes()


@given(st.integers(0, 351), st.integers(0, 255))
def test_a_damaged_header_is_read_or_refused_by_name(position, value):
    damaged = bytearray(WHOLE)
    damaged[position] = value
    try:
        volume = read_volume(bytes(damaged), "CASE-1 [t1]")
    except ScanError as error:
        assert error.code in {"unreadable_file", "not_three_dimensional"}
    else:
        assert volume.array.ndim == 3
        assert all(code in "LRAPIS" for code in volume.orientation)


FLOATS_OF_THE_HEADER = (76, 80, 84, 88, 112, 116, *range(256, 280, 4), *range(280, 328, 4))


@given(st.sampled_from(FLOATS_OF_THE_HEADER), st.floats(width=32), st.sampled_from([0, 1]))
def test_any_number_in_the_geometry_is_read_or_refused_by_name(position, value, sform_code):
    damaged = bytearray(WHOLE)
    struct.pack_into("<hh", damaged, 252, 1 - sform_code, sform_code)
    struct.pack_into("<f", damaged, position, value)
    try:
        volume = read_volume(bytes(damaged), "CASE-1 [t1]")
    except ScanError as error:
        assert error.code == "unreadable_file"
    else:
        assert all(code in "LRAPIS" for code in volume.orientation)
        assert all(0 < size < float("inf") for size in volume.spacing_mm)


@given(st.binary(max_size=600))
def test_any_bytes_are_refused_by_name(content):
    for file in (content, gzip.compress(content)):
        try:
            read_volume(file, "CASE-1 [t1]")
        except ScanError as error:
            assert str(error).startswith("CASE-1 [t1]: ")


def test_the_array_is_what_was_written():
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        file.write(WHOLE)
    volume = read_volume(packed.getvalue(), "CASE-1 [t1]")
    assert (volume.array == brain()).all()
    assert (volume.spacing_mm, volume.orientation) == ((1.0, 1.0, 1.0), "LPS")

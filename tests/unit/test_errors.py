import pickle

import pytest

from gliomics.errors import GliomicsError, LeakageError, ScanError, SettingsError, unknown_name


def test_message_says_where_what_must_hold_what_was_found_and_how_to_fix():
    error = GliomicsError(
        where="sub-1 [flair]", expected="shape must be (2, 2, 2)", got=(1, 2, 2), fix="Resample."
    )
    assert str(error) == "sub-1 [flair]: shape must be (2, 2, 2), got (1, 2, 2). Resample."


def test_scan_error_survives_the_way_back_from_a_worker():
    error = ScanError(code="empty_image", where="a", expected="b", got="c", fix="d.")
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is ScanError
    assert (twin.code, str(twin)) == ("empty_image", str(error))


def test_leakage_error_is_a_gliomics_error():
    with pytest.raises(GliomicsError, match="the scaler"):
        raise LeakageError(
            where="the scaler", expected="no test row", got="TCGA-1", fix="Fit on training rows."
        )


def test_unknown_name_lists_the_valid_ones_and_the_nearest():
    error = unknown_name("radiomic", ["clinical", "radiomics"], where="arms", what="arm")
    assert isinstance(error, SettingsError)
    assert "arm must be one of clinical, radiomics, got 'radiomic'. Did you mean 'radiomics'?" in str(error)


def test_unknown_name_without_a_near_one_does_not_guess():
    assert "Did you mean" not in str(unknown_name("xyz", ["clinical"], where="arms", what="arm"))

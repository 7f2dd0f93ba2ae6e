from hypothesis import given
from hypothesis import strategies as st

from gliomics.imaging.scan_names import parse_scan_name

SUBJECTS = st.from_regex(r"TCGA-[A-Z0-9]{2}-[A-Z0-9]{4}", fullmatch=True)
KINDS = {
    "flair": ("flair", "original"),
    "t1": ("t1", "original"),
    "t1Gd": ("t1ce", "original"),
    "t2": ("t2", "original"),
    "GlistrBoost": ("mask", "automatic"),
    "GlistrBoost_ManuallyCorrected": ("mask", "manual"),
}


@given(SUBJECTS, st.sampled_from(sorted(KINDS)), st.dates(), st.sampled_from([".nii", ".nii.gz"]))
def test_brats_tcga_lgg_names_are_read_back(subject, kind, day, end):
    date = day.strftime("%Y.%m.%d").rjust(10, "0")
    parsed = parse_scan_name(f"{subject}_{date}_{kind}{end}")
    assert (parsed.subject_id, parsed.modality, parsed.variant, parsed.date) == (subject, *KINDS[kind], date)


@given(SUBJECTS, st.sampled_from(["t1", "t1ce", "t2", "flair", "seg"]))
def test_brats_names_are_read_back(subject, kind):
    parsed = parse_scan_name(f"{subject}_{kind}.nii.gz")
    assert parsed.subject_id == subject
    assert parsed.modality == {"seg": "mask"}.get(kind, kind)


@given(st.sampled_from([("t1n", "t1"), ("t1c", "t1ce"), ("t2w", "t2"), ("t2f", "flair"), ("seg", "mask")]))
def test_brats_2023_names_are_read_back(kind):
    parsed = parse_scan_name(f"BraTS-GLI-00005-000-{kind[0]}.nii.gz")
    assert (parsed.subject_id, parsed.modality) == ("BRATS-GLI-00005-000", kind[1])


@given(st.text())
def test_any_text_is_read_or_refused_and_never_crashes(text):
    parsed = parse_scan_name(text)
    assert parsed is None or parsed.subject_id

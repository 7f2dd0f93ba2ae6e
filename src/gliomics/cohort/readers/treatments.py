"""Which of GDC's treatment types are chemotherapy and which are radiotherapy.

GDC's older exports have one entry "Pharmaceutical Therapy, NOS" a patient, which TCGA filled with "any drug
against the tumour"; for low-grade glioma nearly always temozolomide or PCV. Newer exports list every
treatment. Targeted, hormone, steroid, antiseizure and immune therapies are drugs but not chemotherapy: they
do not count. A treatment of any diagnosis of the patient counts, at recurrence too.
"""

from __future__ import annotations

CHEMOTHERAPY_TYPES = frozenset(
    {"chemotherapy", "pharmaceutical therapy, nos", "concurrent chemoradiation", "chemoradiation"}
)
RADIOTHERAPY_TYPES = frozenset(
    {
        "radiation therapy, nos",
        "radiation therapy",
        "external beam radiation",
        "stereotactic radiosurgery",
        "concurrent chemoradiation",
        "chemoradiation",
        "internal radiation",
    }
)
RADIOTHERAPY_PREFIXES = ("radiation, ", "brachytherapy, ")


def treatment_fields(treatment_type: str) -> tuple[str, ...]:
    """Name the fields of the cohort that a GDC treatment type speaks about.

    Parameters
    ----------
    treatment_type : str
        GDC's ``treatment_type``, in any case.

    Returns
    -------
    tuple of str
        Some of ``chemotherapy`` and ``radiotherapy``; empty for any other treatment.

    Examples
    --------
    >>> treatment_fields("Pharmaceutical Therapy, NOS"), treatment_fields("Radiation, External Beam")
    (('chemotherapy',), ('radiotherapy',))
    >>> treatment_fields("Targeted Molecular Therapy"), treatment_fields("Radiosensitizing Agent")
    ((), ())
    """
    kind = treatment_type.strip().lower()
    fields = []
    if kind in CHEMOTHERAPY_TYPES:
        fields.append("chemotherapy")
    if kind in RADIOTHERAPY_TYPES or kind.startswith(RADIOTHERAPY_PREFIXES):
        fields.append("radiotherapy")
    return tuple(fields)

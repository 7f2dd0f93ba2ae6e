"""Clinical records of the synthetic patients, as the GDC API answers ``/cases``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, uuid5

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gliomics.demo.patients import SyntheticPatient

DAYS_A_YEAR: Final = 365.25
OLDER_SCHEMA_EVERY: Final = 8


def gdc_cases(patients: Sequence[SyntheticPatient]) -> dict[str, Any]:
    """Write the cohort as an answer of the GDC API.

    Every eighth case follows the older schema (one diagnosis that carries ``days_to_last_follow_up``), the
    others the current one (several diagnoses, follow-up in ``follow_ups``).

    Parameters
    ----------
    patients : sequence of SyntheticPatient
        In the order of the answer.

    Returns
    -------
    dict
        Ready for JSON.
    """
    hits = [
        _older_case(patient) if number % OLDER_SCHEMA_EVERY == 0 else _current_case(patient)
        for number, patient in enumerate(patients)
    ]
    pages = {
        "count": len(hits),
        "total": len(hits),
        "size": len(hits),
        "from": 0,
        "sort": "",
        "page": 1,
        "pages": 1,
    }
    return {"data": {"hits": hits, "pagination": pages}, "warnings": {"synthetic": "gliomics demo"}}


def _case(patient: SyntheticPatient) -> dict[str, Any]:
    return {
        "id": _id(patient, "case"),
        "case_id": _id(patient, "case"),
        "submitter_id": patient.subject_id,
        "primary_site": "Brain",
        "disease_type": "Gliomas",
        "project": {"project_id": "SYNTHETIC-DEMO"},
        "demographic": {
            "submitter_id": f"{patient.subject_id}_demographic",
            "gender": patient.sex,
            "vital_status": "Dead" if patient.dead else "Alive",
            **({"days_to_death": patient.survival_days} if patient.dead else {}),
        },
    }


def _diagnosis(patient: SyntheticPatient) -> dict[str, Any]:
    return {
        "diagnosis_id": _id(patient, "diagnosis"),
        "age_at_diagnosis": round(patient.age_years * DAYS_A_YEAR),
        "tumor_grade": f"G{patient.grade}",
        "primary_diagnosis": "Astrocytoma, anaplastic" if patient.grade == 3 else "Astrocytoma, NOS",
        "days_to_diagnosis": 0,
        "tissue_or_organ_of_origin": "Cerebrum",
        "treatments": [
            {
                "treatment_id": _id(patient, "chemotherapy"),
                "treatment_type": "Pharmaceutical Therapy, NOS",
                "treatment_or_therapy": patient.chemotherapy,
            },
            {
                "treatment_id": _id(patient, "radiotherapy"),
                "treatment_type": "Radiation Therapy, NOS",
                "treatment_or_therapy": "yes" if patient.grade == 3 else "no",
            },
        ],
    }


def _last_contact(patient: SyntheticPatient) -> int:
    return min(patient.survival_days, patient.follow_up_days)


def _older_case(patient: SyntheticPatient) -> dict[str, Any]:
    diagnosis = _diagnosis(patient) | {"days_to_last_follow_up": _last_contact(patient)}
    return _case(patient) | {"diagnoses": [diagnosis]}


def _current_case(patient: SyntheticPatient) -> dict[str, Any]:
    primary = _diagnosis(patient) | {"diagnosis_is_primary_disease": True}
    recurrence = {
        "diagnosis_id": _id(patient, "recurrence"),
        "diagnosis_is_primary_disease": False,
        "classification_of_tumor": "recurrence",
        "age_at_diagnosis": primary["age_at_diagnosis"] + _last_contact(patient) // 2,
        "tumor_grade": "G4",
        "treatments": [],
    }
    contacts = sorted({max(1, _last_contact(patient) // 3), _last_contact(patient)})
    return _case(patient) | {
        "diagnoses": [recurrence, primary] if patient.grade == 3 else [primary],
        "follow_ups": [
            {"follow_up_id": _id(patient, f"follow-up {day}"), "days_to_follow_up": day} for day in contacts
        ],
    }


def _id(patient: SyntheticPatient, what: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"gliomics-demo/{patient.subject_id}/{what}"))

"""Reader of GDC ``/cases`` JSON, in the older schema and in the current one.

Older: one diagnosis with ``days_to_last_follow_up``, vital status in ``demographic`` or in the diagnosis.
Current: several diagnoses, one with ``diagnosis_is_primary_disease``, and ``follow_ups[].days_to_follow_up``.
Both may be mixed in one file: every place is read, and the latest follow-up wins.

References
----------
.. [1] GDC data dictionary, entities ``demographic``, ``diagnosis``, ``follow_up``, ``treatment``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from gliomics.cohort.missing_values import as_text, is_missing
from gliomics.cohort.readers.source_rows import ClinicalReader, SourceRow, unusable_source
from gliomics.cohort.readers.treatments import treatment_fields

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gliomics.cohort.readers.source_rows import Wanted

Entity = dict[str, Any]

_FIX = (
    "Download the cases again with format=json and "
    "expand=demographic,diagnoses,diagnoses.treatments,follow_ups."
)


def read_gdc_json(path: Path, where: str, wanted: Wanted) -> list[SourceRow]:  # noqa: ARG001
    """Read the cases of a GDC JSON file.

    Parameters
    ----------
    path : Path
        An API answer ``{"data": {"hits": [...]}}``, a bare list of cases (portal) or one case.
    where : str
        Name of the source, for errors.
    wanted : Wanted
        All that such a file holds is optional.

    Returns
    -------
    list of SourceRow
        One element a case.

    Raises
    ------
    ClinicalDataError
        If the file is no JSON, holds no cases, or is only one page of a longer answer.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as err:
        raise unusable_source(
            where, "the file must be readable JSON", f"{type(err).__name__}: {err}", _FIX
        ) from err
    return [_read_case(case) for case in _cases(content, where)]


def _cases(content: object, where: str) -> list[Entity]:
    if isinstance(content, dict) and isinstance(content.get("data"), dict):
        data = content["data"]
        content = data.get("hits", data)
        total = _entity(data.get("pagination")).get("total")
        if isinstance(total, int) and isinstance(content, list) and total > len(content):
            raise unusable_source(
                where,
                f"the answer must hold all {total} cases",
                f"a page of {len(content)}",
                f"Ask the API with size={total}.",
            )
    cases = [content] if isinstance(content, dict) else content
    if not isinstance(cases, list) or not cases or not all(isinstance(case, dict) for case in cases):
        raise unusable_source(where, "the file must hold a list of GDC cases", _shape(content), _FIX)
    if not any("submitter_id" in case for case in cases):
        keys = sorted(set().union(*cases))
        raise unusable_source(where, "cases must have a submitter_id", f"the keys {', '.join(keys)}", _FIX)
    return cases


def _shape(content: object) -> str:
    if isinstance(content, list | dict) and not content:
        return "nothing"
    return f"a {type(content).__name__} of another form"


def _read_case(case: Entity) -> SourceRow:
    demographic = _entity(case.get("demographic"))
    diagnoses = _entities(case.get("diagnoses"))
    primary = _primary_diagnosis(diagnoses)
    texts: dict[str, list[str]] = defaultdict(list)
    for entity in (demographic, *diagnoses):
        _collect(texts, entity, {"vital_status": "vital_status", "days_to_death": "days_to_death"})
        _collect(texts, entity, {"days_to_last_follow_up": "days_to_follow_up"})
    for follow_up in _entities(case.get("follow_ups")):
        _collect(texts, follow_up, {"days_to_follow_up": "days_to_follow_up"})
    _collect(texts, demographic, {"gender": "sex", "sex_at_birth": "sex", "age_at_index": "age_years"})
    _collect(
        texts, primary, {"age_at_diagnosis": "age_days", "tumor_grade": "grade", "who_cns_grade": "grade"}
    )
    for diagnosis in diagnoses:
        for treatment in _entities(diagnosis.get("treatments")):
            for name in treatment_fields(as_text(treatment.get("treatment_type"))):
                texts[name].append(as_text(treatment.get("treatment_or_therapy")))
    return SourceRow(
        subject_id=as_text(case.get("submitter_id")),
        texts={name: tuple(values) for name, values in texts.items()},
        several_diagnoses=len(diagnoses) > 1,
    )


def _collect(texts: dict[str, list[str]], entity: Mapping[str, Any], fields: Mapping[str, str]) -> None:
    for key, name in fields.items():
        if key in entity:
            texts[name].append(as_text(entity[key]))


def _entity(value: object) -> Entity:
    return value if isinstance(value, dict) else {}


def _entities(value: object) -> list[Entity]:
    values = value if isinstance(value, list) else [value]
    return [entity for entity in values if isinstance(entity, dict)]


def _primary_diagnosis(diagnoses: list[Entity]) -> Entity:
    return min(diagnoses, key=_rank, default={})


def _rank(diagnosis: Entity) -> tuple[int, float, str]:
    """Order diagnoses: flagged as primary disease, classified as primary, earliest; the id breaks ties."""
    if as_text(diagnosis.get("diagnosis_is_primary_disease")).lower() in {"true", "yes"}:
        kind = 0
    elif as_text(diagnosis.get("classification_of_tumor")).lower() == "primary":
        kind = 1
    else:
        kind = 2
    day = as_text(diagnosis.get("days_to_diagnosis"))
    try:
        days = float("inf") if is_missing(day) else float(day)
    except ValueError:
        days = float("inf")
    return kind, days, as_text(diagnosis.get("diagnosis_id"))


GDC_JSON = ClinicalReader(read_gdc_json, frozenset({"survival", "treatment", "demographics", "grade"}))

"""What one cohort is: where its records lie, which source each field comes from, its label."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gliomics.cohort.readers.registry import READERS, get_reader
from gliomics.cohort.readers.source_rows import FIELD_GROUPS, FieldGroup

Population = Literal["treated", "all"]
FeatureSource = Literal["extracted", "published"]


def _stays_inside(path: str) -> str:
    pure = PurePosixPath(path)
    absolute = pure.is_absolute() or PureWindowsPath(path).is_absolute()
    if not path.strip() or absolute or ".." in pure.parts:
        raise ValueError(
            f"a path must be relative to the cohort's raw folder and stay inside it, got {path!r}; "
            "put the file into the raw folder and name it from there"
        )
    return path


def _without_repeats(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) != len(values):
        raise ValueError(f"each entry may appear once, got {', '.join(values)}; remove the repeated one")
    return values


def _known_grades(values: tuple[int, ...] | None) -> tuple[int, ...] | None:
    if values is not None and (not values or set(values) - {1, 2, 3, 4} or len(set(values)) != len(values)):
        raise ValueError(
            f"grades must be null (no filter) or some of 1, 2, 3, 4, each once, got {list(values)}"
        )
    return values


RelativePath = Annotated[str, AfterValidator(_stays_inside)]
SourceNames = Annotated[tuple[str, ...], AfterValidator(_without_repeats)]
Grades = Annotated[tuple[int, ...] | None, AfterValidator(_known_grades)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClinicalSourceSettings(_Settings):
    """One file of clinical records."""

    format: str = Field(description="a name in `gliomics.cohort.readers.registry.READERS`")
    path: RelativePath
    diseases: Annotated[tuple[str, ...] | None, Field(min_length=1)] = Field(
        default=None, description="rows of these diseases, where the format says them; null keeps all"
    )

    @model_validator(mode="after")
    def _diseases_are_said(self) -> ClinicalSourceSettings:
        if not get_reader(self.format).says_disease and self.diseases is not None:
            able = ", ".join(name for name, reader in READERS.items() if reader.says_disease)
            raise ValueError(
                f"diseases chooses rows of a source of format {able}; one of format {self.format} does not "
                "say the disease, remove it"
            )
        return self


class ClinicalSettings(_Settings):
    """Clinical sources by name, and for each group of fields the sources in order of preference."""

    sources: dict[str, ClinicalSourceSettings] = Field(min_length=1)
    survival: SourceNames = Field(min_length=1)
    treatment: SourceNames = Field(min_length=1)
    demographics: SourceNames = Field(min_length=1)
    grade: SourceNames = Field(min_length=1)
    molecular: SourceNames = ()

    @model_validator(mode="after")
    def _named_sources_can_serve(self) -> ClinicalSettings:
        for group in FIELD_GROUPS:
            for name in self.preference(group):
                if name not in self.sources:
                    raise ValueError(
                        f"{group} names the source {name!r}, which is not defined; "
                        f"define it under sources or choose one of {', '.join(sorted(self.sources))}"
                    )
                kind = self.sources[name].format
                if group not in get_reader(kind).holds:
                    able = ", ".join(sorted(f for f, reader in READERS.items() if group in reader.holds))
                    raise ValueError(
                        f"{group} names the source {name!r}, but a file of format {kind} does not hold it; "
                        f"name a source of format {able}"
                    )
        return self

    def preference(self, group: FieldGroup) -> tuple[str, ...]:
        """Names of the sources of a group of fields, the preferred one first."""
        names: tuple[str, ...] = getattr(self, group)
        return names

    def groups_of(self, source: str) -> frozenset[FieldGroup]:
        """Name the groups of fields that may be taken from a source; empty when nothing is."""
        return frozenset(group for group in FIELD_GROUPS if source in self.preference(group))


class PublishedFeaturesSettings(_Settings):
    """A published table of features: one row a patient."""

    path: RelativePath
    id_column: str = Field(default="ID", min_length=1)
    drop_columns: SourceNames = Field(default=(), description="columns that are not features, such as a date")

    @model_validator(mode="after")
    def _id_is_kept(self) -> PublishedFeaturesSettings:
        if self.id_column in self.drop_columns:
            raise ValueError(f"drop_columns holds the id column {self.id_column!r}; remove it from the list")
        return self


class SiteTableSettings(_Settings):
    """A table with the site of each patient, for ids that are no TCGA barcodes."""

    path: RelativePath
    id_column: str = Field(min_length=1)
    site_column: str = Field(min_length=1)


class LabelSettings(_Settings):
    """Survival of at least the cut-off, a surrogate for chemotherapy benefit (PROTOCOL 1)."""

    cutoff_days: float = Field(default=730.5, gt=0, allow_inf_nan=False)
    grades: Grades = Field(default=None, description="grades that are included; null: no filter")


class FeaturesSettings(_Settings):
    """Where the radiomics arm takes its features from."""

    source: FeatureSource


class CohortSettings(_Settings):
    """One cohort, as ``conf/base/cohorts/<name>.yml`` describes it under ``cohorts.<name>``.

    ``features`` defaults to the images when there are some, else to the published panel. ``label_map``
    renames labels of the segmentations first (``{3: 4}`` for BraTS 2023). ``segmentations_by_algorithm`` is
    a folder that holds, for some subjects, a folder of further segmentations.

    ``modalities``, ``labels``, ``regions`` and ``core_labels`` are said here once; ingestion, features, crops
    and maps take them from here (``oc.select`` in the parameters of the stages). ``cautions`` are sentences
    that the report keeps in sight.
    """

    title: str = Field(min_length=1)
    disease: str | None = Field(default=None, description="glioma: the report speaks of its markers")
    synthetic: bool
    clinical: ClinicalSettings
    images: RelativePath | None = None
    modalities: Annotated[SourceNames, Field(min_length=1)] = ("t1", "t1ce", "t2", "flair")
    labels: tuple[int, ...] = Field(default=(0, 1, 2, 4), description="values a segmentation may hold")
    regions: dict[str, tuple[int, ...]] = Field(
        default={"et": (4,), "tc": (1, 4), "wt": (1, 2, 4)}, min_length=1
    )
    core_labels: tuple[int, ...] = Field(default=(1, 4), description="where patches of the core are drawn")
    label_map: dict[int, int] = Field(default={})
    skull_stripped: bool = Field(default=True, description="whether voxels that are not 0 are brain")
    cautions: tuple[str, ...] = ()
    segmentations_by_algorithm: RelativePath | None = None
    published_features: PublishedFeaturesSettings | None = None
    features: FeaturesSettings | None = None
    requires: Literal["scans", "published_features"]
    sites: SiteTableSettings | None = Field(default=None, description="null: read off TCGA barcodes")
    label: LabelSettings = LabelSettings()
    primary_population: Population = "treated"
    arms: SourceNames = Field(min_length=1)

    @property
    def feature_source(self) -> FeatureSource:
        """Where the radiomics arm takes its features from."""
        if self.features is not None:
            return self.features.source
        return "published" if self.images is None else "extracted"

    @model_validator(mode="after")
    def _labels_are_known(self) -> CohortSettings:
        used = {f"regions.{name}": labels for name, labels in self.regions.items()}
        for setting, labels in {**used, "core_labels": self.core_labels}.items():
            unknown = sorted(set(labels) - set(self.labels))
            if unknown:
                raise ValueError(
                    f"{setting} must hold labels that a segmentation may hold, got {unknown}; add them to "
                    f"labels ({', '.join(map(str, self.labels))}) or take them out of {setting}"
                )
        return self

    @model_validator(mode="after")
    def _required_inputs_are_named(self) -> CohortSettings:
        wishes = {
            "requires": (self.requires, "images" if self.requires == "scans" else "published_features"),
            "features.source": (
                self.feature_source,
                "images" if self.feature_source == "extracted" else "published_features",
            ),
        }
        for setting, (value, key) in wishes.items():
            if getattr(self, key) is None:
                raise ValueError(
                    f"{setting} is {value!r}, so that {key} must say where they lie, got null; "
                    f"name them under {key} or change {setting}"
                )
        return self

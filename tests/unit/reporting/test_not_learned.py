"""The report names networks that did not learn, where figures rest on them, and says nothing otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gliomics.networks.settings import Cnn3dSettings, MedicalNetSettings, SamplingSettings
from gliomics.networks.training.learning import summarise_learning
from gliomics.radiomics.settings import RadiomicsSettings
from gliomics.radiomics.stability import StabilitySettings
from gliomics.reporting.lineage_record import describe_run
from gliomics.reporting.methods_text import methods_markdown, methods_paragraphs
from gliomics.reporting.run_results import RunResults
from gliomics.reporting.section import Paragraph
from gliomics.reporting.sections import verdict
from report_cases import small_run

NAMED = "cnn3d (patches, population treated): 1 of 2 trainings did not learn. Training loss 0.692"


def run_of(*, loss=0.692, weights="trained_in_fold", sampling="patches") -> RunResults:
    run = small_run()
    run.metrics["feature_source"] = "extracted"
    run.facts["arms"]["radiomics"]["networks"] = [
        {"network": "cnn3d", "sampling": sampling, "weights": weights}
    ]
    learning = summarise_learning(
        [
            {"sampling": "patches", "permutation": 0, "train_loss": value, "train_auc": 0.9}
            for value in (0.4, loss)
        ]
    )
    settings = {
        "feature_engineering.radiomics": RadiomicsSettings(),
        "feature_engineering.stability": StabilitySettings(),
        "ingestion.images": {"required_modalities": ["t1"], "allowed_labels": [0, 1]},
        "embedding.sampling": SamplingSettings(),
        "embedding.cnn3d": Cnn3dSettings(),
        "embedding.medicalnet": MedicalNetSettings(enabled=False, weights="untrained"),
    }
    lineage = describe_run(settings, {}, cohort_name="small", seed=1)
    return replace(run, lineage=lineage, embedding={"cnn3d": {"status": "trained", "learning": learning}})


def warnings_of(run: RunResults) -> list[str]:
    blocks = verdict.build(run).blocks
    return [block.text for block in blocks if isinstance(block, Paragraph) and block.role == "warning"]


def test_networks_that_did_not_learn_are_named_beside_the_verdict_and_in_the_methods():
    run = run_of()
    (warning,) = warnings_of(run)
    assert warning.startswith(NAMED)
    assert warning.endswith(".")
    assert NAMED in methods_markdown(methods_paragraphs(run), "t")


@pytest.mark.parametrize(
    "other",
    [{"loss": 0.3}, {"weights": "untrained"}, {"weights": "0123456789ab"}, {"sampling": "bounding_box"}],
    ids=["all learned", "untrained", "pretrained", "no figure rests on them"],
)
def test_nothing_is_said_otherwise(other):
    run = run_of(**other)
    assert warnings_of(run) == []
    assert "did not learn" not in methods_markdown(methods_paragraphs(run), "t")


def test_a_run_without_a_summary_of_networks_says_nothing():
    assert warnings_of(replace(run_of(), embedding=None)) == []
    assert warnings_of(replace(run_of(), embedding={"cnn3d": {"status": "skipped"}})) == []

"""The champion moves one step at a time, and the ledger knows each."""

import multiprocessing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from gliomics.errors import LedgerError, RegistryError
from gliomics.registry.ledger import Ledger, LedgerEntry
from gliomics.registry.versions import CHAMPION, PREVIOUS, Registry
from worker_functions import promote_at_once

NAME = "gliomics-demo"


def entry(before, after, action="promote") -> LedgerEntry:
    return LedgerEntry(action, NAME, before, after, "passed", who="somebody")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with three versions of nothing: only aliases and tags matter here."""
    folder = tmp_path_factory.mktemp("registry")
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    client.create_registered_model(NAME)
    for _ in range(3):
        client.create_model_version(NAME, source=str(folder / "nothing"))
    return folder


@pytest.fixture
def registry(store: Path, tmp_path: Path) -> Registry:
    client = MlflowClient(f"sqlite:///{store}/mlflow.db")
    for alias in client.get_registered_model(NAME).aliases:
        client.delete_registered_model_alias(NAME, alias)
    for tag in client.get_registered_model(NAME).tags:
        client.delete_registered_model_tag(NAME, tag)
    return Registry(Ledger(tmp_path / "ledger.jsonl"), client)


def aliases(registry: Registry) -> tuple[str | None, str | None]:
    return registry.version_of(NAME, CHAMPION), registry.version_of(NAME, PREVIOUS)


def test_a_promotion_keeps_the_former_champion_and_a_rollback_takes_one_step_off(registry: Registry):
    registry.move_champion(entry(None, "1"))
    assert aliases(registry) == ("1", None)
    registry.move_champion(entry("1", "2"))
    registry.move_champion(entry("2", "3", "force"))
    assert aliases(registry) == ("3", "2")
    registry.move_champion(entry("3", "1", "rollback"))
    assert aliases(registry) == ("1", None)
    registry.refuse(NAME, "2", ("minority not testable",), None)
    assert aliases(registry) == ("1", None)
    assert [e.action for e in registry.verify()] == ["promote", "promote", "force", "rollback", "refuse"]


def test_a_decision_about_another_champion_is_not_carried_out(registry: Registry):
    registry.move_champion(entry(None, "1"))
    with pytest.raises(RegistryError, match=r"got version 1: another promotion came first"):
        registry.move_champion(entry(None, "2"))
    assert aliases(registry) == ("1", None)
    assert len(registry.ledger.entries()) == 1


def test_a_promotion_that_was_killed_after_its_ledger_line_is_finished_by_the_next(registry: Registry):
    registry.move_champion(entry(None, "1"))
    with registry.ledger.locked():
        registry.ledger.append(entry("1", "2"))
    assert aliases(registry) == ("1", None)
    registry.refuse(NAME, "3", ("no",), None)
    assert aliases(registry) == ("2", "1")
    registry.verify()


def test_an_alias_that_was_moved_without_gliomics_is_found(registry: Registry):
    registry.move_champion(entry(None, "1"))
    registry.client.set_registered_model_alias(NAME, CHAMPION, "3")
    with pytest.raises(RegistryError, match="the alias was moved without gliomics"):
        registry.verify()
    with pytest.raises(RegistryError, match="the alias was moved without gliomics"):
        registry.move_champion(entry("3", "2"))


def test_a_tampered_or_shortened_ledger_stops_every_promotion(registry: Registry):
    registry.move_champion(entry(None, "1"))
    registry.move_champion(entry("1", "2"))
    whole = registry.ledger.path.read_text()
    for text in (whole.splitlines()[0] + "\n", whole.replace('"somebody"', '"nobody"'), ""):
        registry.ledger.path.write_text(text)
        with pytest.raises(LedgerError, match="nothing more is written"):
            registry.move_champion(entry("2", "3"))
        with pytest.raises(LedgerError):
            registry.verify()
        assert aliases(registry) == ("2", "1")
        assert registry.ledger.path.read_text() == text
    registry.ledger.path.write_text(whole)
    registry.move_champion(entry("2", "3"))


def test_a_version_that_is_not_there_is_refused_with_those_that_are(registry: Registry):
    with pytest.raises(RegistryError, match=r"there must be a version '9', got versions 1, 2, 3"):
        registry.find(NAME, "9")
    with pytest.raises(RegistryError, match="no version of it at all"):
        registry.find("gliomics-nothing", "champion")


def test_of_two_promotions_at_once_one_wins_and_the_ledger_stays_whole(registry: Registry, store: Path):
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    path = str(registry.ledger.path)
    rivals = [
        context.Process(target=promote_at_once, args=(str(store), path, version, barrier, results))
        for version in ("1", "2")
    ]
    for rival in rivals:
        rival.start()
    said = sorted(results.get(timeout=120) for _ in rivals)
    for rival in rivals:
        rival.join()
    assert said[1] == "promoted"
    assert "another promotion came first" in said[0]
    (only,) = registry.verify()
    assert aliases(registry) == (only.after, None)

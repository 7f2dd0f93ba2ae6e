"""The model registry: versions, the aliases of the champion, and a ledger line for all that happens."""

from __future__ import annotations

import logging
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING

from mlflow import MlflowClient, register_model
from mlflow.exceptions import MlflowException

from gliomics.errors import RegistryError
from gliomics.registry.ledger import Ledger, LedgerEntry, champions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlflow.entities.model_registry import ModelVersion

logger = logging.getLogger(__name__)

CANDIDATE, CHAMPION, PREVIOUS = "candidate", "champion", "previous"
ANCHOR = "gliomics.ledger_head"
"""Tag of a registered model: the sha256 of its last ledger entry, so that a cut-off ledger shows."""
CONTENT_HASH = "gliomics.content_hash"
ARTEFACT_DIGEST = "gliomics.artefact_digest"
DATA_VERSION = "gliomics.data_version"


@dataclass(frozen=True)
class Registry:
    """The registry of the tracking server that MLflow is set to, and its ledger.

    Attributes
    ----------
    ledger : Ledger
        One for all models.
    client : MlflowClient
        Of the server.
    """

    ledger: Ledger
    client: MlflowClient = field(default_factory=MlflowClient)

    def register(self, name: str, uri: str, tags: Mapping[str, str]) -> str:
        """Register a logged model, and write it into the ledger.

        Parameters
        ----------
        name : str
            Registered model.
        uri : str
            Of the logged model, which has been proven to predict.
        tags : mapping of str to str
            Of the version.

        Returns
        -------
        str
            Number of the version, which is now the candidate.
        """
        with self.ledger.locked():
            self.ledger.verify(self.anchor(name))
            # MLflow prints what the node's own line says; a structured log has no place for it.
            with redirect_stderr(StringIO()):
                number = str(register_model(uri, name, tags=dict(tags)).version)
            before = self.version_of(name, CHAMPION)
            self._record(LedgerEntry("register", name, before, number, "registered"))
            self.client.set_registered_model_alias(name, CANDIDATE, number)
        return number

    def same_content(self, name: str, content_hash: str) -> str | None:
        """Find the version that holds this very content: registering twice makes no second version."""
        found = self.client.search_model_versions(f"name = '{name}'")
        same = [v for v in found if v.tags.get(CONTENT_HASH) == content_hash]
        return str(max(int(v.version) for v in same)) if same else None

    def refresh(self, name: str, number: str, tags: Mapping[str, str]) -> None:
        """Note the run that reproduced a version, unless it is the champion, and make it the candidate."""
        if self.version_of(name, CHAMPION) != number:
            for key, value in tags.items():
                self.client.set_model_version_tag(name, number, key, value)
        self.client.set_registered_model_alias(name, CANDIDATE, number)

    def version_of(self, name: str, alias: str) -> str | None:
        """Give the version behind an alias, or None."""
        try:
            return str(self.client.get_model_version_by_alias(name, alias).version)
        except MlflowException:
            return None

    def find(self, name: str, asked: str) -> ModelVersion:
        """Look a version up by its number or an alias.

        Raises
        ------
        RegistryError
            If there is no such model or version; says what there is.
        """
        number = asked if asked.isdigit() else self.version_of(name, asked)
        try:
            if number is not None:
                return self.client.get_model_version(name, number)
        except MlflowException:
            pass
        there = self.client.search_model_versions(f"name = '{name}'")
        numbers = ", ".join(sorted((str(v.version) for v in there), key=int))
        raise RegistryError(
            where=f"model {name}",
            expected=f"there must be a version {asked!r}",
            got=f"versions {numbers}" if numbers else "no version of it at all",
            fix="Run the pipeline to register one, or name another; `gliomics registry status` lists them.",
        )

    def anchor(self, name: str) -> str | None:
        """Give the sha256 of the model's last ledger entry, as the registry remembers it."""
        try:
            tags: dict[str, str] = self.client.get_registered_model(name).tags
        except MlflowException:
            return None
        return tags.get(ANCHOR)

    def verify(self) -> list[LedgerEntry]:
        """Check the ledger against what every registered model remembers of it.

        Raises
        ------
        LedgerError
            If it was tampered with.
        RegistryError
            If a champion is not the one that the ledger says.
        """
        entries = self.ledger.entries()
        for model in self.client.search_registered_models():
            if ANCHOR in model.tags:
                self.ledger.verify(model.tags[ANCHOR])
                self._expected_champion(model.name, entries)
        return entries

    def refuse(self, name: str, number: str, reasons: tuple[str, ...], data_version: str | None) -> None:
        """Write down that a version was refused; nothing else changes."""
        with self._writing(name):
            before = self.version_of(name, CHAMPION)
            self._record(
                LedgerEntry("refuse", name, before, number, "refused", reasons, data_version=data_version)
            )

    def move_champion(self, entry: LedgerEntry, first: Callable[[], None] | None = None) -> None:
        """Make a version the champion, if the champion is still the one that the decision was about.

        Parameters
        ----------
        entry : LedgerEntry
            promote, force or rollback, with the champion before and after. It is written first: a process
            that is killed before the alias has moved leaves an entry that the next one carries out.
        first : callable, optional
            Done before anything is written, while nobody else can promote; if it raises, nothing is.

        Raises
        ------
        RegistryError
            If another promotion came first.
        """
        with self._writing(entry.model):
            now = self.version_of(entry.model, CHAMPION)
            if now != entry.before:
                raise RegistryError(
                    where=f"model {entry.model}",
                    expected=f"the champion must still be version {entry.before or 'none'}",
                    got=f"version {now or 'none'}: another promotion came first",
                    fix="Look at `gliomics registry history` and ask again.",
                )
            if first is not None:
                first()
            self._record(entry)
            self._set_aliases(entry.model, champions(self.ledger.entries(), entry.model))

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        """Hold the ledger's lock, after finishing what a killed process has left half done."""
        with self.ledger.locked():
            entries = self.ledger.verify(self.anchor(name))
            expected = self._expected_champion(name, entries)
            if expected is not None:
                logger.warning("%s: finishing the promotion of version %s", name, expected)
                self._set_aliases(name, champions(entries, name))
            yield

    def _expected_champion(self, name: str, entries: list[LedgerEntry]) -> str | None:
        """Give the champion that the alias has yet to be moved to, None when it is there."""
        line = champions(entries, name)
        last = line[-1] if line else None
        now = self.version_of(name, CHAMPION)
        if now == last:
            return None
        moves = [e for e in entries if e.model == name and e.action in {"promote", "force", "rollback"}]
        if moves and moves[-1].before == now:
            return last
        raise RegistryError(
            where=f"model {name}",
            expected=f"its champion must be version {last or 'none'}, as the ledger says",
            got=f"version {now or 'none'}: the alias was moved without gliomics",
            fix="Set the alias back in MLflow, then use `gliomics registry promote` or `rollback`.",
        )

    def _set_aliases(self, name: str, line: list[str]) -> None:
        self.client.set_registered_model_alias(name, CHAMPION, line[-1])
        if len(line) > 1:
            self.client.set_registered_model_alias(name, PREVIOUS, line[-2])
        else:
            self.client.delete_registered_model_alias(name, PREVIOUS)

    def _record(self, entry: LedgerEntry) -> None:
        written = self.ledger.append(entry, self.anchor(entry.model))
        self.client.set_registered_model_tag(entry.model, ANCHOR, written.sha256)

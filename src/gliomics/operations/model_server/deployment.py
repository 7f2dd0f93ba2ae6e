"""The champion of one model in service: up, switched without a dropped request, down."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from gliomics.errors import ServingError
from gliomics.lineage.durable_files import write_whole
from gliomics.lineage.locks import file_lock
from gliomics.operations.model_server.proxy import Proxy, Upstream
from gliomics.operations.model_server.server import Launch, Server, health
from gliomics.operations.model_server.settings import ServingSettings
from gliomics.operations.processes import Process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COLOURS = {"blue": "green", "green": "blue"}
SWITCHED_S = 10.0
"""How long nginx may take to follow a new configuration."""
POLL_S = 0.05


class State(BaseModel):
    """What is in service, written before anything depends on it.

    Attributes
    ----------
    settings : ServingSettings
        As given to ``up``; a switch changes the model and nothing else.
    case_root : str or None
        Below which case folders may be asked for.
    active : Server or None
        Gets the requests.
    standby : Server or None
        Comes, or goes.
    proxy : Process or None
        nginx.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: ServingSettings
    case_root: str | None
    active: Server | None = None
    standby: Server | None = None
    proxy: Process | None = None


@dataclass(frozen=True)
class Outcome:
    """What a command has come to: who answers now, and whether the command changed that."""

    server: Server
    changed: bool
    url: str


@dataclass(frozen=True)
class Deployment:
    """The servers of one model.

    Attributes
    ----------
    folder : Path
        Absolute; holds state, logs, nginx's files, and the models that are served.
    name : str
        Registered model.
    """

    folder: Path
    name: str

    def up(self, version: str, settings: ServingSettings, case_root: str | None) -> Outcome:
        """Serve a version, unless the model is served already: then whatever has ended is started again.

        Parameters
        ----------
        version : str
            Of the champion.
        settings : ServingSettings
            Port, workers, limits, timeouts.
        case_root : str or None
            Below which case folders may be asked for.

        Returns
        -------
        Outcome
            Who answers.

        Raises
        ------
        ServingError
            If it runs with other settings, or a server or nginx does not come up; then nothing is left.
        """
        with self._alone():
            state = self._settled()
            if state is not None and state.proxy is not None and state.proxy.is_running():
                if (state.settings, state.case_root) != (settings, case_root):
                    raise ServingError(
                        where=f"gliomics serve, {self.name}",
                        expected="it must be started with the settings that it runs with",
                        got=_changed(state, settings, case_root),
                        fix="`gliomics serve down` first; a switch changes only the model.",
                    )
                if state.active is not None and health(_url(state)) == state.active.label:
                    return Outcome(state.active, changed=False, url=_url(state))
                return self._replace(state, version)
            if state is not None:
                self._stop_servers(state)
            return self._begin(State(settings=settings, case_root=case_root), version)

    def switch(self, version: str) -> Outcome:
        """Start a version beside the one that answers, prove it, and let it take over.

        Parameters
        ----------
        version : str
            Of the champion.

        Returns
        -------
        Outcome
            Unchanged if that version answers already.

        Raises
        ------
        ServingError
            If nothing is in service, or the new version fails its check; then the old one still answers.
        """
        with self._alone():
            state = self._settled()
            if state is None or state.proxy is None or not state.proxy.is_running():
                raise ServingError(
                    where=f"gliomics serve, {self.name}",
                    expected="it must be in service",
                    got="nothing was started" if state is None else "its nginx has ended",
                    fix="Run `gliomics serve up`.",
                )
            active = state.active
            if active is not None and active.version == version and health(_url(state)) == active.label:
                return Outcome(active, changed=False, url=_url(state))
            return self._replace(state, version)

    def down(self) -> bool:
        """Stop nginx, then the servers; what they have taken is answered first.

        Returns
        -------
        bool
            Whether anything ran.
        """
        with self._alone():
            state = self.state()
            if state is None:
                return False
            ran = state.proxy is not None and Proxy(self.folder, state.settings).stop(state.proxy)
            ran = self._stop_servers(state) or ran
            (self.folder / "state.json").unlink()
            return ran

    def state(self) -> State | None:
        """Read what is in service, None if nothing is."""
        path = self.folder / "state.json"
        return State.model_validate_json(path.read_text(encoding="utf-8")) if path.is_file() else None

    def answers(self) -> str | None:
        """Ask nginx who answers, None if nobody does."""
        state = self.state()
        return None if state is None else health(_url(state))

    def _begin(self, state: State, version: str) -> Outcome:
        server = self._launch(state).start("blue", self.name, version)
        state = self._save(state.model_copy(update={"standby": server}))
        try:
            self._launch(state).prove(server)
            proxy = Proxy(self.folder, state.settings).start(_upstream(server))
        except BaseException:
            self._stop_servers(state)
            (self.folder / "state.json").unlink()
            raise
        state = self._save(state.model_copy(update={"active": server, "standby": None, "proxy": proxy}))
        self._await_label(state, server)
        return Outcome(server, changed=True, url=_url(state))

    def _replace(self, state: State, version: str) -> Outcome:
        """Put a version in the place of the one that answers, or leave all as it is."""
        old, proxy, started = state.active, Proxy(self.folder, state.settings), state.proxy
        if started is None:
            raise ServingError(
                where="nginx",
                expected="it must run",
                got=f"no process in {self.folder / 'state.json'}",
                fix="Run `gliomics serve up`.",
            )
        new = self._launch(state).start(COLOURS[old.colour if old else "green"], self.name, version)
        state = self._save(state.model_copy(update={"standby": new}))
        moved = False
        try:
            self._launch(state).prove(new)
            workers = proxy.switch(started, _upstream(new))
            moved = True
            self._await_label(state, new)
        except BaseException:
            if moved and old is not None:
                proxy.drained(proxy.switch(started, _upstream(old)))
            self._end(new)
            self._save(state.model_copy(update={"standby": None}))
            raise
        state = self._save(state.model_copy(update={"active": new, "standby": old}))
        proxy.drained(workers)
        if old is not None:
            self._end(old, state.settings.request_timeout_s)
        self._save(state.model_copy(update={"standby": None}))
        return Outcome(new, changed=True, url=_url(state))

    def _settled(self) -> State | None:
        """Read the state, after ending what an interrupted command has left half started."""
        state = self.state()
        if state is None or state.standby is None:
            return state
        if health(_url(state)) == state.standby.label:
            state = state.model_copy(update={"active": state.standby, "standby": state.active})
        if state.standby is not None:
            self._end(state.standby, state.settings.request_timeout_s)
        return self._save(state.model_copy(update={"standby": None}))

    def _await_label(self, state: State, server: Server) -> None:
        until = time.monotonic() + SWITCHED_S
        while health(_url(state)) != server.label:
            if time.monotonic() > until:
                raise ServingError(
                    where="nginx",
                    expected=f"it must pass requests to {server.label}",
                    got=health(_url(state)),
                    fix=f"See {self.folder / 'nginx-error.log'}.",
                )
            time.sleep(POLL_S)

    def _stop_servers(self, state: State) -> bool:
        ran = False
        for server in (state.active, state.standby):
            if server is not None:
                ran = self._end(server, state.settings.request_timeout_s) or ran
        return ran

    def _end(self, server: Server, patience_s: float = 2.0) -> bool:
        ran = server.process.stop(patience_s=patience_s)
        shutil.rmtree(self.folder / server.colour, ignore_errors=True)
        return ran

    def _launch(self, state: State) -> Launch:
        return Launch(self.folder, state.settings, state.case_root)

    def _save(self, state: State) -> State:
        write_whole(self.folder / "state.json", (state.model_dump_json(indent=2) + "\n").encode())
        return state

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with file_lock(self.folder / "lock", of=f"the deployment {self.name}", refusal=ServingError):
            yield


def _changed(state: State, settings: ServingSettings, case_root: str | None) -> str:
    """Name the settings that are others than those of what runs."""
    before = {**state.settings.model_dump(), "case_root": state.case_root}
    now = {**settings.model_dump(), "case_root": case_root}
    return ", ".join(
        f"{name} {now[name]} instead of {before[name]}" for name in now if now[name] != before[name]
    )


def _upstream(server: Server) -> Upstream:
    return Upstream(server.colour, server.port, server.name, server.version)


def _url(state: State) -> str:
    return f"http://{state.settings.host}:{state.settings.port}"

"""The MLflow tracking server: is it there, does it know us, may we write to what a run writes to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import requests

from gliomics.errors import DeploymentError
from gliomics.operations.environment.variables import PASSWORD, TRACKING_URI, USERNAME, redact

if TYPE_CHECKING:
    from collections.abc import Sequence

API: Final = "/api/2.0/mlflow"
CAN_WRITE: Final = frozenset({"EDIT", "MANAGE"})


def parse_tracking_uri(uri: str) -> str:
    """Check the address of a tracking server.

    Parameters
    ----------
    uri : str
        Such as ``https://mlflow.example.org``.

    Returns
    -------
    str
        Without a slash at the end.

    Raises
    ------
    DeploymentError
        If it is malformed or holds a user or password.
    """
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise DeploymentError(
            where=TRACKING_URI,
            expected="it must be the address of a server, http://host:port or https://host",
            got=repr(uri.rsplit("@", maxsplit=1)[-1]),
            fix="Correct the variable.",
        )
    if parts.username is not None:
        raise DeploymentError(
            where=TRACKING_URI,
            expected="it must hold neither user nor password",
            got=f"the user {parts.username!r}",
            fix=f"Put them into {USERNAME} and {PASSWORD}.",
        )
    return uri.rstrip("/")


@dataclass(frozen=True)
class TrackingServer:
    """A tracking server with authentication.

    Attributes
    ----------
    uri : str
        Its address.
    timeout_s : float
        How long an answer may take.
    """

    uri: str
    timeout_s: float

    def check(self, experiment: str, models: Sequence[str]) -> str:
        """Check all that a run needs of it, without changing anything there.

        Parameters
        ----------
        experiment : str
            That a run writes to; may not exist yet.
        models : sequence of str
            Registered models that a run may write to; may not exist yet.

        Returns
        -------
        str
            What was found, in words.

        Raises
        ------
        DeploymentError
            Naming the variable that is wrong, or the permission that is missing.
        """
        self._answers()
        self._knows_us()
        self._lets_write("experiment", experiment, self._experiment_id(experiment))
        for name in models:
            self._lets_write("registered_model", name, name if self._has_model(name) else None)
        return f"{self.uri} answers, {os.environ[USERNAME]} may write to {experiment}"

    def _answers(self) -> None:
        try:
            answer = requests.get(f"{self.uri}/health", timeout=self.timeout_s)
        except requests.RequestException as error:
            raise DeploymentError(
                where=TRACKING_URI,
                expected=f"a server must answer at {self.uri} within {self.timeout_s:g} s",
                got=type(error).__name__,
                fix="Start it, or correct the variable; on one machine `make prod-up` starts it.",
            ) from error
        if answer.status_code != requests.codes.ok:
            raise DeploymentError(
                where=TRACKING_URI,
                expected=f"{self.uri}/health must say that an MLflow server is well",
                got=f"HTTP {answer.status_code}",
                fix="Look at the server's log, or correct the variable.",
            )

    def _knows_us(self) -> None:
        anonymous = requests.get(
            f"{self.uri}{API}/experiments/search",
            params={"max_results": 1},
            timeout=self.timeout_s,
            auth=_NoAuth(),
        )
        if anonymous.status_code != requests.codes.unauthorized:
            raise DeploymentError(
                where=TRACKING_URI,
                expected="the server must ask for user and password",
                got=f"HTTP {anonymous.status_code} without any",
                fix="Start it with `--app-name basic-auth`; deploy/README.md says how.",
            )
        answer = self._get(f"{API}/experiments/search", max_results="1")
        if answer.status_code == requests.codes.unauthorized:
            raise DeploymentError(
                where=f"{USERNAME} and {PASSWORD}",
                expected=f"{self.uri} must accept them",
                got="refused (401)",
                fix=f"Correct {PASSWORD} (or {USERNAME}); an administrator of the server can set a new one.",
            )
        if answer.status_code != requests.codes.ok:
            raise DeploymentError(
                where=TRACKING_URI,
                expected="the server must list experiments",
                got=_said(answer),
                fix="Look at the server's log.",
            )

    def _experiment_id(self, name: str) -> str | None:
        answer = self._get(f"{API}/experiments/get-by-name", experiment_name=name)
        if answer.status_code == requests.codes.forbidden:
            raise self._forbidden("experiment", name, "none")
        return str(answer.json()["experiment"]["experiment_id"]) if answer.ok else None

    def _has_model(self, name: str) -> bool:
        answer = self._get(f"{API}/registered-models/get", name=name)
        if answer.status_code == requests.codes.forbidden:
            raise self._forbidden("registered_model", name, "none")
        return bool(answer.ok)

    def _lets_write(self, kind: str, name: str, resource: str | None) -> None:
        if resource is None:
            return
        answer = self._get(
            "/api/3.0/mlflow/users/permissions/get",
            username=os.environ[USERNAME],
            resource_type=kind,
            resource_id=resource,
        )
        if answer.ok and answer.json().get("permission") not in CAN_WRITE and not self._is_admin():
            raise self._forbidden(kind, name, str(answer.json().get("permission")))

    def _is_admin(self) -> bool:
        answer = self._get(f"{API}/users/current")
        found = answer.json() if answer.ok else {}
        return bool(found.get("is_admin") or found.get("user", {}).get("is_admin"))

    def _forbidden(self, kind: str, name: str, got: str) -> DeploymentError:
        return DeploymentError(
            where=USERNAME,
            expected=f"{os.environ[USERNAME]} must be allowed to write to {kind.replace('_', ' ')} {name}",
            got=f"permission {got}",
            fix="Ask its owner or an administrator of the server for EDIT, or use another account.",
        )

    def _get(self, path: str, **params: str) -> requests.Response:
        try:
            return requests.get(
                f"{self.uri}{path}",
                params=params,
                timeout=self.timeout_s,
                auth=(os.environ[USERNAME], os.environ[PASSWORD]),
            )
        except requests.RequestException as error:
            raise DeploymentError(
                where=TRACKING_URI,
                expected=f"the server must answer within {self.timeout_s:g} s",
                got=type(error).__name__,
                fix="Look at the server's log.",
            ) from error


class _NoAuth(requests.auth.AuthBase):  # type: ignore[misc]
    """Keeps requests from looking into .netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def _said(answer: requests.Response) -> str:
    facts: Any = {}
    if "json" in answer.headers.get("content-type", ""):
        facts = answer.json()
    return redact(f"HTTP {answer.status_code} {facts.get('message', '')}".strip())

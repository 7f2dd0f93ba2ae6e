"""What stands between a client and MLflow's scoring server: no bad request gets further, no trace gets out.

``mlflow models serve`` starts uvicorn, and uvicorn takes the class that speaks HTTP from the environment::

    UVICORN_HTTP=gliomics_guard:GuardedProtocol mlflow models serve -m models:/gliomics-demo/3

The module stands outside the package `gliomics`, and imports nothing of it: a model brings the gliomics that
it was registered with, and whatever were imported here would be used in its place.
"""

from __future__ import annotations

import csv
import json
import logging
import os
import re
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlflow.models import Model
from uvicorn.protocols.http.auto import AutoHTTPProtocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

logger = logging.getLogger("uvicorn.error")

MODEL_PATH = "__pyfunc_model_path__"
"""Environment variable by which MLflow tells its scoring server where the model lies, as a file URI."""
MAX_BODY = "GLIOMICS_MAX_BODY_BYTES"
DEFAULT_MAX_BODY = 2**20
FORMATS = ("dataframe_records", "dataframe_split", "inputs", "instances")
ECHO = re.compile(r"\AFailed to predict data '.*?'\. \nError: ", re.DOTALL)
"""What MLflow puts before a reason: the patient's own data, which the client has and a log must not."""
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:[\w.+@~-]+/)+")


class RefusedError(Exception):
    """A request that the model is not asked about."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Guard:
    """An ASGI application round MLflow's: refuses what is no request, and makes every error a JSON reason.

    Parameters
    ----------
    app : ASGI application
        MLflow's.
    columns : iterable of str
        Those of the model's signature. A column that is none of them is refused: MLflow drops it, and the
        feature that was meant would count as missing.
    max_body : int
        Largest body, in bytes.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], columns: Iterable[str], max_body: int) -> None:
        self.app, self.columns, self.max_body = app, frozenset(columns), max_body

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        plain = _Plain(send)
        if scope["path"] == "/invocations" and scope["method"] == "POST":
            try:
                body = await self._body(receive)
                self._check(_content_type(scope), body)
            except RefusedError as refused:
                await _answer(send, refused.status, str(refused))
                return
            receive = _again(body, receive)
        await self.app(scope, receive, plain)

    async def _body(self, receive: Receive) -> bytes:
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RefusedError(400, "the client went away before its request was whole")
            part = message.get("body", b"")
            size += len(part)
            if size > self.max_body:
                raise RefusedError(413, f"the body must be at most {self.max_body} bytes; send fewer rows")
            parts.append(part)
            more = message.get("more_body", False)
        return b"".join(parts)

    def _check(self, content_type: str, body: bytes) -> None:
        """Refuse what names no column, or one that the model does not know."""
        kind, _, rest = content_type.partition(";")
        charset = rest.strip().lower().removeprefix("charset=").strip('"')
        if kind.strip().lower() not in {"application/json", "text/csv"} or charset not in {"", "utf-8"}:
            got = repr(content_type[:80]) if content_type else "none"
            raise RefusedError(415, f"Content-Type must be application/json or text/csv, UTF-8, got {got}")
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise RefusedError(
                400, f"the body must be UTF-8: {error.reason} at byte {error.start}"
            ) from error
        named = _columns_of_csv(text) if kind.strip().lower() == "text/csv" else _columns_of_json(text)
        unknown = [name for name in dict.fromkeys(named) if name not in self.columns]
        if unknown:
            shown = ", ".join(repr(name[:80]) for name in unknown[:5])
            more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
            raise RefusedError(
                400,
                f"columns must be among the {len(self.columns)} of the model, got {shown}{more}; "
                "input_example.json of the model shows them",
            )


class _Plain:
    """Passes good answers on; gathers a bad one and sends only its reason."""

    def __init__(self, send: Send) -> None:
        self.send, self.status, self.parts = send, 0, [b""]

    async def __call__(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            self.status = message["status"]
            return
        if not self.status or message["type"] != "http.response.body":
            await self.send(message)
            return
        self.parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            await _answer(self.send, self.status, _reason(self.status, b"".join(self.parts)))


async def _answer(send: Send, status: int, reason: str) -> None:
    facts = {"error_code": HTTPStatus(status).name, "message": reason}
    body = json.dumps(facts).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _reason(status: int, body: bytes) -> str:
    """Keep of an error of MLflow, Starlette or uvicorn what a client can use; log what is left out."""
    if status == 500:
        return "the server failed; its log says why"
    text = body.decode("utf-8", "replace")
    try:
        facts = json.loads(text)
    except ValueError:
        facts = {"message": text}
    if not isinstance(facts, dict):
        facts = {"message": text}
    if facts.get("stack_trace"):
        logger.warning("refused a request with %s:\n%s", status, facts["stack_trace"])
    said = str(facts.get("message") or facts.get("detail") or HTTPStatus(status).phrase)
    return MACHINE_PATH.sub("", ECHO.sub("", said)).strip()


def _again(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read to the application, then what comes after it."""
    left = [body]

    async def receive_again() -> dict[str, Any]:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return receive_again


def _content_type(scope: dict[str, Any]) -> str:
    return next((v.decode("latin-1") for k, v in scope["headers"] if k == b"content-type"), "")


def _columns_of_json(text: str) -> list[str]:
    try:
        facts = json.loads(text)
    except json.JSONDecodeError as error:
        raise RefusedError(
            400, f"the body must be JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    except RecursionError as error:
        raise RefusedError(400, "the body must be JSON: it is nested too deeply") from error
    if not isinstance(facts, dict) or len(facts) != 1 or next(iter(facts)) not in FORMATS:
        got = f"the keys {sorted(facts)[:5]}" if isinstance(facts, dict) else f"a {type(facts).__name__}"
        raise RefusedError(400, f"the body must be an object with one key of {', '.join(FORMATS)}, got {got}")
    name, data = next(iter(facts.items()))
    columns = data.get("columns") if name == "dataframe_split" and isinstance(data, dict) else data
    if name == "dataframe_split":
        found = columns if isinstance(columns, list) else []
    elif isinstance(columns, dict):
        found = list(columns)
    else:
        rows = columns if isinstance(columns, list) else []
        found = [key for row in rows if isinstance(row, dict) for key in row]
        if any(not isinstance(row, dict) for row in rows):
            found = []
    if not found or not all(isinstance(column, str) for column in found):
        raise RefusedError(
            400, f"{name} must hold at least one row and name its columns, as input_example.json does"
        )
    return found


def _columns_of_csv(text: str) -> list[str]:
    try:
        header = next(csv.reader(text.splitlines()), [])
    except csv.Error as error:
        raise RefusedError(400, f"the body must be CSV: {error}") from error
    if not header:
        raise RefusedError(400, "the body must be CSV whose first line names the columns, got nothing")
    return header


@cache
def _served_columns() -> tuple[str, ...]:
    folder = url2pathname(urlsplit(os.environ[MODEL_PATH]).path)
    schema = Model.load(folder).get_input_schema()  # type: ignore[no-untyped-call]
    return tuple(schema.input_names())


class GuardedProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's HTTP protocol whose application stands behind a `Guard`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit = int(os.environ.get(MAX_BODY, DEFAULT_MAX_BODY))
        self.app: Guard = Guard(self.app, _served_columns(), limit)

"""Settings of serving."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ServingSettings(BaseModel):
    """How the champion is served (conf/base/serving/parameters.yml).

    Attributes
    ----------
    host, port : str, int
        Where the proxy listens.
    workers : int
        Processes of each server; each holds the model in memory.
    max_body_kib : int
        Largest body of a request, in KiB.
    request_timeout_s : int
        How long a prediction may take, in seconds.
    client_timeout_s : int
        How long a client may pause while it sends its request or takes the answer, in seconds.
    start_timeout_s : int
        How long a server may take until it is healthy, in seconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(default="127.0.0.1", pattern=r"^[0-9.]+$")
    port: int = Field(default=8080, ge=1, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    max_body_kib: int = Field(default=1024, ge=1, le=65536)
    request_timeout_s: int = Field(default=120, ge=1, le=3600)
    client_timeout_s: int = Field(default=10, ge=1, le=600)
    start_timeout_s: int = Field(default=180, ge=1, le=3600)

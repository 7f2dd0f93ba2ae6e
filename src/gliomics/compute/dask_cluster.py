"""The Dask cluster of a run: its own or another's, opened when first needed, checked, closed at the end."""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gliomics.compute.dask_worker import ONE_THREAD, describe_code, differences, unfit, unfitness
from gliomics.errors import ClusterError, SettingsError

if TYPE_CHECKING:
    from gliomics.compute.settings import ComputeSettings

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
CLOSE_WITHIN_S = 10.0
PROOF = ".gliomics-cluster-"
OWN_CLUSTER = {
    "distributed.scheduler.worker-saturation": 1.0,  # a worker is given an item when it has none
    "distributed.scheduler.http.routes": [],  # no pages that other users of the machine could read
    "distributed.worker.http.routes": [],
    "distributed.nanny.pre-spawn-environ.DASK_LOGGING__DISTRIBUTED": "critical",
}
LOST = "Its log says why it ended. Start it, then run again: what was finished is kept."


@dataclass
class Cluster:
    """A client, the embedded cluster if it is ours, and when a worker was last seen."""

    settings: ComputeSettings
    client: Any
    embedded: Any = None
    workers: int = 1
    _looked: float = field(default_factory=time.monotonic)
    _seen: float = field(default_factory=time.monotonic)

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"Dask scheduler {self.settings.scheduler or 'of this run'}"

    def look(self, *, at_once: bool = False) -> None:
        """Ask the scheduler now and then, or at once, how many workers it has.

        Raises
        ------
        ClusterError
            If it does not answer, or has had no worker for ``wait_s``.
        """
        if self.client.status != "running":
            raise self.lost(self.client.status)
        now = time.monotonic()
        if now - self._looked < LOOK_EVERY_S and not at_once:
            return
        try:
            self.workers = len(
                self.client.sync(self.client.scheduler.ncores, callback_timeout=self.settings.wait_s)
            )
        except (OSError, RuntimeError, AttributeError) as error:
            raise self.lost(type(error).__name__) from error
        self._looked = time.monotonic()
        if self.workers:
            self._seen = self._looked
        elif self._looked - self._seen > self.settings.wait_s:
            raise self.no_worker()

    def lost(self, cause: object) -> ClusterError:
        """Make the error for a scheduler that was there and is not any more."""
        return ClusterError(
            where=self.name,
            expected="it must live until the run has ended",
            got=f"a lost connection ({cause})",
            fix=LOST,
        )

    def no_worker(self) -> ClusterError:
        """Make the error for a scheduler without workers."""
        return ClusterError(
            where=self.name,
            got="0 workers",
            expected=f"a worker must come within {self.settings.wait_s:g} s (compute.wait_s)",
            fix="Start `dask worker` processes for it, or wait longer.",
        )

    def close(self) -> None:
        """Let go of the scheduler, and end it and its workers if they are ours."""
        with suppress(OSError, RuntimeError):
            self.client.close(timeout=CLOSE_WITHIN_S)
        if self.embedded is not None:
            with suppress(OSError, RuntimeError):
                self.embedded.close(timeout=CLOSE_WITHIN_S)


_opened: list[Cluster] = []


def open_cluster(settings: ComputeSettings) -> Cluster:
    """Give the run's cluster; it is started or connected to, and checked, when first asked for.

    Parameters
    ----------
    settings : ComputeSettings
        Where it is. Other settings than before close the one that was open.

    Returns
    -------
    Cluster
        With at least one worker, all of which fit the run.

    Raises
    ------
    ClusterError
        If the scheduler cannot be reached in ``wait_s``, has no worker, or one is not fit.
    SettingsError
        If Dask is not installed, or a TLS file is not there.
    """
    if _opened and _opened[0].settings == settings and _opened[0].client.status == "running":
        return _opened[0]
    close_cluster()
    load_distributed()
    _say_nothing()
    cluster = _embedded(settings) if settings.scheduler is None else _external(settings)
    _opened.append(cluster)
    atexit.register(close_cluster)
    try:
        _check(cluster)
    except BaseException:
        close_cluster()
        raise
    logger.info("%s: %d workers", cluster.name, cluster.workers)
    return cluster


def load_distributed() -> Any:
    """Import Dask's distributed scheduler, which only this engine needs.

    Raises
    ------
    SettingsError
        If it is not installed.
    """
    try:
        import distributed
    except ImportError as error:
        raise SettingsError(
            where="compute.engine",
            expected="dask needs the library distributed",
            got="it is not installed",
            fix='Install it: pip install "gliomics[dask]".',
        ) from error
    return distributed


def close_cluster() -> None:
    """Close the run's cluster if one is open; a later call of `open_cluster` opens another."""
    while _opened:
        _opened.pop().close()


def _say_nothing() -> None:
    """Leave it to us to say what went wrong: Dask tells every restart of a worker, and every error twice."""
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _embedded(settings: ComputeSettings) -> Cluster:
    """Start a scheduler and workers on this machine, behind a certificate that lives as long as they do."""
    distributed = load_distributed()
    import dask

    adaptive, memory = settings.adaptive, settings.worker_memory_gib
    dask.config.set(OWN_CLUSTER)  # for all its life: adaptive workers come later
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))  # as Dask does, but whatever they were
    embedded = distributed.LocalCluster(
        n_workers=settings.worker_count if adaptive is None else adaptive.minimum,
        threads_per_worker=1,
        processes=True,
        security=True,
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
        memory_limit=0 if memory is None else int(memory * 2**30),
        scheduler_kwargs={"allowed_failures": settings.lost_after - 1, "dashboard_address": "127.0.0.1:0"},
    )
    if adaptive is not None:
        embedded.adapt(minimum=adaptive.minimum, maximum=adaptive.maximum)
    return Cluster(settings, distributed.Client(embedded, set_as_default=False), embedded)


def _external(settings: ComputeSettings) -> Cluster:
    distributed = load_distributed()
    tls, security = settings.tls, None
    if tls is not None:
        for name, path in (("ca", tls.ca), ("cert", tls.cert), ("key", tls.key)):
            if not path.is_file():
                raise SettingsError(
                    where=f"compute.tls.{name}",
                    expected="the file must be there",
                    got=f"no {path}",
                    fix="Correct the path; relative ones start at the project's folder.",
                )
        security = distributed.Security(
            tls_ca_file=str(tls.ca),
            tls_client_cert=str(tls.cert),
            tls_client_key=str(tls.key),
            require_encryption=True,
        )
    try:
        client = distributed.Client(
            settings.scheduler,
            security=security,
            timeout=settings.wait_s,
            set_as_default=False,
            name="gliomics",
        )
    except (OSError, RuntimeError) as error:
        raise ClusterError(
            where=f"Dask scheduler {settings.scheduler}",
            expected=f"it must answer within {settings.wait_s:g} s (compute.wait_s)",
            got=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'nothing'}",
            fix="Start it, or correct compute.scheduler and compute.tls.",
        ) from error
    return Cluster(settings, client)


def _check(cluster: Cluster) -> None:
    """Wait for a first worker, then ask all whether they fit the run."""
    client, wait_s = cluster.client, cluster.settings.wait_s
    try:
        client.submit(len, (), pure=False).result(timeout=wait_s)  # work to do makes adaptive clusters grow
    except TimeoutError as error:
        raise cluster.no_worker() from error
    token = Path.cwd() / f"{PROOF}{secrets.token_hex(8)}"
    token.touch()
    try:
        answers = client.run(unfitness, describe_code(), str(Path.cwd()), token.name, on_error="return")
        threads = client.sync(client.scheduler.ncores, callback_timeout=wait_s)
        answers["the scheduler itself"] = _scheduler_differences(client)
    except OSError as error:
        raise cluster.lost(type(error).__name__) from error
    finally:
        token.unlink(missing_ok=True)
    reasons = {worker: _reasons(answer, threads.get(worker, 1)) for worker, answer in answers.items()}
    reasons = {worker: why for worker, why in reasons.items() if why}
    if reasons:
        raise unfit(reasons)
    cluster.workers = len(threads)


def _scheduler_differences(client: Any) -> list[str] | Exception:
    try:
        return list(client.run_on_scheduler(differences, describe_code()))
    except (ImportError, AttributeError) as error:
        return error


def _reasons(answer: list[str] | Exception, threads: int) -> list[str]:
    if isinstance(answer, Exception):
        return [f"it cannot run this gliomics ({type(answer).__name__}: {answer})"]
    many = [f"it has {threads} threads: start it with --nthreads 1"] if threads != 1 else []
    return [*answer, *many]

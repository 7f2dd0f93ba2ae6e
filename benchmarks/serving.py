"""How much a served model answers on loopback, and whether a switch under load drops a request.

Without ``--url`` it registers two versions of a small clinical model (generated patients) in a folder of its
own, serves them as ``gliomics serve`` does, loads the server at 1, 4 and 16 clients, then switches under the
load of 4. With ``--url`` it loads what is in service already and never switches::

    python benchmarks/serving.py
    python benchmarks/serving.py --url http://127.0.0.1:8080 --body model/serving_input_example.json
    python benchmarks/serving.py --url http://127.0.0.1:8080 --case-dir CASE   # below GLIOMICS_CASE_ROOT

Bounded: every level ends after ``--seconds`` or ``--requests``, whichever is first.
"""

from __future__ import annotations

import argparse
import http.client
import json
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import mlflow
import numpy as np
import pandas as pd

from gliomics.cohort.outcome import survival_task
from gliomics.cohort.settings import LabelSettings
from gliomics.evaluation.arms import ArmTable
from gliomics.evaluation.settings import ModellingSettings
from gliomics.model_package.final_model import fit_final_model
from gliomics.model_package.packaging import Packed, log_packed
from gliomics.operations.model_server.deployment import Deployment
from gliomics.operations.model_server.server import HEADER, resident_mib
from gliomics.operations.model_server.settings import ServingSettings
from gliomics.operations.ports import any_free_port

TASK = survival_task(LabelSettings())

CLIENTS = (1, 4, 16)
NAME = "gliomics-generated"
HEADINGS = (
    f"{'what':<16}{'clients':>8}{'requests':>10}{'a second':>10}"
    f"{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'errors':>8}"
)


@dataclass
class Load:
    """Requests of some clients at once, each asking again as soon as it has its answer."""

    url: str
    body: bytes
    clients: int
    over: threading.Event = field(default_factory=threading.Event)
    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    answered_by: Counter[str] = field(default_factory=Counter)

    def run(self, seconds: float, requests: int) -> float:
        """Ask until time or requests are used up; give the seconds that it took."""
        share = (requests // self.clients,)
        threads = [threading.Thread(target=self._client, args=share) for _ in range(self.clients)]
        begun = time.perf_counter()
        for thread in threads:
            thread.start()
        until = begun + seconds
        while any(thread.is_alive() for thread in threads) and not self.over.is_set():
            self.over.wait(0.05)
            if time.perf_counter() > until:
                self.over.set()
        for thread in threads:
            thread.join()
        return time.perf_counter() - begun

    def _client(self, requests: int) -> None:
        address = urlsplit(self.url)
        for _ in range(requests):
            if self.over.is_set():
                return
            begun = time.perf_counter()
            try:
                connection = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
                connection.request("POST", "/invocations", self.body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                text = answer.read()
                connection.close()
            except OSError as error:
                self.errors.append(repr(error))
                continue
            if answer.status != 200:
                self.errors.append(f"{answer.status} {text[:100]!r}")
                continue
            self.answered_by[answer.headers[HEADER]] += 1
            self.latencies.append(time.perf_counter() - begun)

    def line(self, what: str, seconds: float) -> str:
        """Give the row of the table."""
        found = np.quantile(self.latencies, [0.5, 0.95, 0.99]) * 1000 if self.latencies else [np.nan] * 3
        n = len(self.latencies)
        figures = "".join(f"{value:>9.1f}" for value in found)
        return f"{what:<16}{self.clients:>8}{n:>10}{n / seconds:>10.1f}{figures}{len(self.errors):>8}"


def main() -> None:
    """Parse the command line and run the load."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", help="of what is in service already")
    parser.add_argument("--body", type=Path, help="JSON of one request; with --url")
    parser.add_argument("--case-dir", help="a case folder below GLIOMICS_CASE_ROOT; with --url")
    parser.add_argument("--seconds", type=float, default=10.0, help="of every level")
    parser.add_argument("--requests", type=int, default=5000, help="of every level, at most")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.url:
        print(HEADINGS)
        if arguments.body:
            load(arguments.url, arguments.body.read_bytes(), "rows", arguments)
        if arguments.case_dir:
            body = json.dumps({"dataframe_records": [{"case_dir": arguments.case_dir}]}).encode()
            load(arguments.url, body, "scan folder", arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        serve_and_load(Path(folder), arguments)


def load(url: str, body: bytes, what: str, arguments: argparse.Namespace) -> None:
    """Load a server at every number of clients and print the rows."""
    for clients in CLIENTS:
        level = Load(url, body, clients)
        print(level.line(what, level.run(arguments.seconds, arguments.requests)), flush=True)
        for error, times in Counter(level.errors).most_common(3):
            print(f"    {times} x {error}")


def serve_and_load(folder: Path, arguments: argparse.Namespace) -> None:
    """Serve two versions one after the other."""
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    experiment = mlflow.create_experiment("generated", artifact_location=(folder / "artifacts").as_uri())
    mlflow.set_experiment(experiment_id=experiment)
    for seed in (1, 2):
        register(seed)
    deployment = Deployment(folder / "serving", NAME)
    try:
        begun = time.perf_counter()
        settings = ServingSettings(port=any_free_port(), workers=arguments.workers)
        outcome = deployment.up("1", settings, None)
        memory = resident_mib(outcome.server)
        print(f"up after {time.perf_counter() - begun:.1f} s; {memory:.0f} MiB, {arguments.workers} workers")
        print(HEADINGS)
        body = (folder / "serving/blue/model/serving_input_example.json").read_bytes()
        load(outcome.url, body, "rows", arguments)
        switch_under_load(deployment, Load(outcome.url, body, 4))
    finally:
        deployment.down()


def switch_under_load(deployment: Deployment, level: Load) -> None:
    """Switch while clients ask, and count what they got."""
    took: list[float] = []

    def switch() -> None:
        begun = time.perf_counter()
        deployment.switch("2")
        took.append(time.perf_counter() - begun)
        time.sleep(1.0)
        level.over.set()

    switching = threading.Thread(target=switch)
    switching.start()
    seconds = level.run(600.0, 10**6)
    switching.join()
    print(level.line("while switching", seconds))
    by = ", ".join(f"{who} {times}" for who, times in level.answered_by.items())
    print(f"switched in {took[0]:.1f} s; dropped {len(level.errors)}; answered by {by}")


def register(seed: int) -> None:
    """Register a clinical model of 60 generated patients."""
    rng = np.random.default_rng(seed)
    labels = pd.Series(rng.random(60) < 0.6, index=[f"S{i:03d}" for i in range(60)]).astype("int64")
    age = rng.normal(50, 12, 60) - 6.0 * seed * labels
    sex, grade = rng.choice(["female", "male"], 60), rng.choice([2.0, 3.0], 60)
    table = pd.DataFrame({"age_years": age, "sex": sex, "grade": grade}, index=labels.index)
    arm = ArmTable("clinical", table, (), (), None)
    model = fit_final_model(arm, labels, ModellingSettings(), seed, population="all", refits=10, task=TASK)
    model.card["synthetic"] = True
    with mlflow.start_run():
        uri, _ = log_packed(Packed(model, {"arm": "clinical"}), None)
    mlflow.register_model(uri, NAME)


if __name__ == "__main__":
    main()

"""Production for real: PostgreSQL, MLflow with accounts, an SFTP remote, a strict promotion."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
import yaml

from gliomics.operations.environment.readiness import Servers
from gliomics.operations.local_servers.postgres import Postgres
from gliomics.operations.local_servers.sftp import Sftp
from gliomics.operations.ports import any_free_port
from integration.conftest import PROJECT, command, copy_project

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
QUICK = {
    "ingestion": {"folds": {"repeats": 2}},
    "modelling": {
        "bootstrap": {"n": 200},
        "permutation_control": {"n": 3},
        "comparisons": {"permutations": 200},
        "dataset2": {"permutations": 2},
        "final_model": {"refits": 2},
        "audit": {"estimators": [], "repeats": 1, "permutations": 2},
    },
}
"""Fewer repetitions of everything; the gate's limits are those of conf/prod."""


@dataclass(frozen=True)
class Production:
    """A clone, and the variables of the servers."""

    folder: Path
    variables: dict[str, str] = field(repr=False)

    def call(self, *arguments: str, expect: int = 0, **changed: str) -> str:
        """Run a command in the environment prod; a variable that is changed to nothing is not set."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "GLIOMICS_"))}
        env = {**inherited, "COLUMNS": "160", "DO_NOT_TRACK": "1", **self.variables, **changed}
        done = subprocess.run(
            [command(arguments[0]), *arguments[1:]],
            cwd=self.folder,
            env={k: v for k, v in env.items() if v},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == expect, done.stdout[-6000:]
        return done.stdout

    @property
    def secrets(self) -> list[str]:
        """All passwords of the servers."""
        return list(json.loads((self.servers / "passwords.json").read_text()).values())

    @property
    def servers(self) -> Path:
        """Folder of the servers."""
        return Path(self.variables["GLIOMICS_LEDGER"]).parent

    def admin(self, what: str, **facts: str) -> requests.Response:
        """Ask the tracking server as its administrator."""
        password = json.loads((self.servers / "passwords.json").read_text())["mlflow_admin"]
        uri = f"{self.variables['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/{what}"
        method = "POST" if what.startswith("users") else "GET"
        return requests.request(
            method,
            uri,
            params=facts if method == "GET" else None,
            timeout=30,
            auth=("admin", password),
            json=facts if method == "POST" else None,
        )


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def merge(settings: dict, over: dict) -> None:
    for key, value in over.items():
        if isinstance(value, dict):
            merge(settings[key], value)
        else:
            settings[key] = value


def make_repository(folder: Path) -> None:
    """Make the project a git repository of its own, with quick settings committed."""
    for name, over in QUICK.items():
        file = folder / "conf" / "base" / name / "parameters.yml"
        settings = yaml.safe_load(file.read_text())
        merge(settings[name], over)
        file.write_text(yaml.safe_dump(settings, sort_keys=False))
    for name in (".gitignore", ".dvcignore", "constraints.txt"):
        shutil.copy(PROJECT / name, folder / name)
    (folder / ".dvc").mkdir()
    shutil.copy(PROJECT / ".dvc" / "config", folder / ".dvc" / "config")
    git(folder, "init", "-q")


@pytest.fixture(scope="module")
def production() -> Iterator[Production]:
    """Servers on loopback and a clone that uses them; stopped and removed whatever happens."""
    packages = [package for package in (Postgres.lacks(), Sftp.lacks()) if package]
    if packages:
        pytest.skip(f"not installed: {', '.join(packages)} (apt-get install {' '.join(packages)})")
    scratch = Path(tempfile.mkdtemp(prefix="gliomics-production-"))
    scratch.chmod(0o755)  # PostgreSQL's account passes through it, when root runs the tests
    servers = scratch / "servers"
    clone = Production(copy_project(scratch / "clone").folder, {})
    try:
        make_repository(clone.folder)
        ports = [f"--{name}-port={any_free_port()}" for name in ("mlflow", "postgres", "sftp")]
        said = clone.call("gliomics", "servers", "up", "--folder", str(servers), *ports)
        assert re.findall(r"^(\w+): up", said, re.MULTILINE) == ["postgres", "mlflow", "sftp"]
        shown = subprocess.run(
            ["sh", "-c", f". {servers / 'env'}; env -0"], capture_output=True, text=True, check=True, env={}
        ).stdout
        variables = dict(line.split("=", 1) for line in shown.split("\0") if line)
        yield Production(clone.folder, {k: v for k, v in variables.items() if k not in {"PWD", "_", "SHLVL"}})
    finally:
        clone.call("gliomics", "servers", "down", "--folder", str(servers), "--remove")
        shutil.rmtree(scratch)


@pytest.fixture(scope="module")
def promoted(production: Production) -> tuple[Production, dict[str, str]]:
    """The rehearsal cohort, run, saved and promoted in prod; what each command said."""
    said = {"demo": production.call("gliomics", "demo", "--cohort", "rehearsal")}
    production.call("gliomics", "dvc", "sync")
    git(
        production.folder,
        "add",
        "src",
        "conf",
        "pyproject.toml",
        "constraints.txt",
        ".gitignore",
        ".dvcignore",
    )
    git(production.folder, "add", ".dvc", "dvc.yaml")
    git(production.folder, "commit", "-qm", "The project")
    cohort = ("--env", "prod", "--cohort", "rehearsal")
    said["run"] = production.call("kedro", "run", "--env", "prod", "--params", "cohort=rehearsal")
    said["snapshot"] = production.call("gliomics", "data", "snapshot", "-m", "first", *cohort)
    said["promote"] = production.call("gliomics", "registry", "promote", *cohort)
    return production, said


@pytest.mark.parametrize(
    ("password", "what"), [("", "must be set"), ("a-wrong-password", "must accept them, got refused")]
)
def test_a_missing_or_wrong_password_stops_a_run_before_any_work_and_is_named(production, password, what):
    said = production.call("kedro", "run", "--env", "prod", expect=1, MLFLOW_TRACKING_PASSWORD=password)
    lines = said.splitlines()
    assert len(lines) == 1, said
    message = json.loads(lines[0])
    assert message["level"] == "ERROR"
    assert "MLFLOW_TRACKING_PASSWORD" in message["message"]
    assert what in message["message"]
    assert "a-wrong-password" not in said
    assert not (production.folder / "data" / "02_intermediate").exists()
    assert not list(production.folder.glob("mlruns/*.db"))


def check(production: Production, monkeypatch: pytest.MonkeyPatch, **changed: str) -> dict[str, str]:
    """Check the servers in this process, with some variables changed; what was found wrong, by what."""
    variables = {**production.variables, **changed}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    parameters = {
        "cohort": "rehearsal",
        "deployment": {"servers": True, "timeout_s": 20},
        "registry": {"ledger": variables["GLIOMICS_LEDGER"]},
        "data_versions": {"remote": "shared", "url": variables["GLIOMICS_DVC_REMOTE_URL"]},
        "registration": {"model_name_prefix": "gliomics"},
    }
    servers = Servers(production.folder, parameters, variables["MLFLOW_TRACKING_URI"], "gliomics-rehearsal")
    return {done.what: done.found for done in servers.checks() if done.error is not None}


def test_each_wrong_setting_is_told_by_its_variable(production, monkeypatch, tmp_path):
    assert check(production, monkeypatch) == {}
    remote = production.variables["GLIOMICS_DVC_REMOTE_URL"]
    host = remote.split("@")[1].split("/")[0]
    for name in ("user", "host"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(make, check=True)
    address = "[{}]:{}".format(*host.split(":"))
    (tmp_path / "known").write_text(f"{address} {(tmp_path / 'host.pub').read_text()}")
    cases = {
        "GLIOMICS_LEDGER": ("/nowhere/at/all/ledger.jsonl", "must be there and writable"),
        "GLIOMICS_DVC_REMOTE_URL": (remote.replace(host, "127.0.0.1:9"), "an SSH server must answer"),
        "GLIOMICS_DVC_KEY_FILE": (str(tmp_path / "user"), "127.0.0.1 must let in"),
        "GLIOMICS_DVC_KNOWN_HOSTS": (str(tmp_path / "known"), "the key of 127.0.0.1 must be one of those"),
        "MLFLOW_TRACKING_URI": (f"http://127.0.0.1:{any_free_port()}", "a server must answer"),
    }
    for variable, (value, what) in cases.items():
        with monkeypatch.context() as patch:
            found = check(production, patch, **{variable: value})
        assert [text.startswith(f"{variable}: ") and what in text for text in found.values()] == [True], found
    found = check(production, monkeypatch, GLIOMICS_DVC_REMOTE_URL=f"{remote}/none")
    assert "must exist at the server" in found["data remote"]


def test_servers_are_checked_without_a_run_and_starting_them_twice_starts_nothing(production):
    said = production.call("gliomics", "check", "--env", "prod", "--servers")
    assert said.count("fine") == 3
    before = (production.servers / "processes.json").read_text()
    said = production.call("gliomics", "servers", "up", "--folder", str(production.servers))
    assert said.count("runs already") == 3
    assert (production.servers / "processes.json").read_text() == before
    shown = production.call("gliomics", "servers", "status", "--folder", str(production.servers))
    assert shown.count("well") == 3


def test_the_rehearsal_is_promoted_over_the_server_by_the_strict_gate(promoted):
    production, said = promoted
    assert "SYNTHETIC" in said["demo"]
    assert "saved data/rehearsal/v1" in said["snapshot"]
    assert "not in it" not in said["snapshot"]
    assert "Version 1 is now the champion of gliomics-rehearsal" in said["promote"]
    assert "passes" in said["promote"]
    assert "warns" not in said["promote"]
    version = production.admin("registered-models/alias", name="gliomics-rehearsal", alias="champion").json()
    tags = {tag["key"]: tag["value"] for tag in version["model_version"]["tags"]}
    assert (tags["gliomics.data_version"], tags["gliomics.synthetic"]) == ("data/rehearsal/v1", "true")
    run = production.admin("runs/get", run_id=version["model_version"]["run_id"]).json()["run"]
    assert run["info"]["artifact_uri"].startswith("mlflow-artifacts:/"), "no path of a machine"
    told = json.dumps([run["data"], version])
    assert str(production.folder.parent) not in told
    assert json.loads((production.servers / "ledger.jsonl").read_text().splitlines()[-1])["who"] == "pipeline"


def test_a_run_logs_one_json_object_a_line(promoted):
    lines = promoted[1]["run"].splitlines()
    found = [json.loads(line) for line in lines]
    assert {"time", "level", "logger", "message", "env"} <= set.intersection(*(set(one) for one in found))
    assert {one["env"] for one in found} == {"prod"}
    nodes = [one for one in found if one["message"].startswith(("build_cohort_table", "register_candidates"))]
    assert len(nodes) == 2
    assert all(one["cohort"] == "rehearsal" and len(one["run_id"]) == 32 for one in nodes)


def test_a_second_clone_pulls_the_data_and_predicts_with_the_champion(promoted, tmp_path):
    first, _ = promoted
    git(tmp_path, "clone", "-q", str(first.folder), "second")
    second = Production(tmp_path / "second", first.variables)
    cohort = ("--env", "prod", "--cohort", "rehearsal")
    assert "data/rehearsal/v1" in second.call("gliomics", "data", "rollback", "v1", *cohort)
    for place in ("data/01_raw/rehearsal/radiomic_features.csv", "data/08_reporting/rehearsal/metrics.json"):
        assert (second.folder / place).read_bytes() == (first.folder / place).read_bytes()
    assert "all whole" in second.call("gliomics", "data", "verify", *cohort)
    for clone in (first, second):
        panel = "data/01_raw/rehearsal/radiomic_features.csv"
        clone.call("gliomics", "predict", panel, *cohort, "--json", "predictions.json")
    predictions = [json.loads((clone.folder / "predictions.json").read_text()) for clone in (first, second)]
    assert predictions[0] == predictions[1]
    assert len(predictions[0]["cases"]) == 197
    chain = second.call("gliomics", "lineage", "gliomics-rehearsal@champion", "--env", "prod")
    assert "every link was found" in chain


def test_an_account_that_may_only_read_is_refused(promoted, monkeypatch):
    production, _ = promoted
    made = production.admin("users/create", username="reader", password="reads-only-12345")
    assert made.ok, made.text
    reader = {"MLFLOW_TRACKING_USERNAME": "reader", "MLFLOW_TRACKING_PASSWORD": "reads-only-12345"}
    found = check(production, monkeypatch, **reader)
    wanted = "MLFLOW_TRACKING_USERNAME: reader must be allowed to write to experiment gliomics-rehearsal, got"
    assert found["tracking server"].startswith(f"{wanted} permission READ")


def test_no_secret_is_in_a_log_a_command_line_or_the_clone(promoted):
    production, said = promoted
    texts = {f"{name} said": text for name, text in said.items()}
    places = [production.servers / "logs", production.folder]
    for file in (file for place in places for file in place.rglob("*") if file.is_file()):
        texts[str(file)] = file.read_bytes().decode("utf-8", errors="replace")
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            texts[str(process)] = process.read_text(errors="replace")
        except OSError:
            continue
    assert {
        name for name, text in texts.items() if any(secret in text for secret in production.secrets)
    } == set()

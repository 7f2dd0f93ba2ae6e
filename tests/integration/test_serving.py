"""The champion behind nginx: switched under load, and what a bad request and a bad version do to it."""

import http.client
import json
import os
import shutil
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import mlflow
import psutil
import pytest

from gliomics.errors import ServingError
from gliomics.evaluation.arms import assemble_arm
from gliomics.evaluation.settings import ModellingSettings
from gliomics.model_package.final_model import fit_final_model
from gliomics.model_package.packaging import Packed, log_packed
from gliomics.model_package.smoke_prediction import SMOKE_FILE
from gliomics.operations.model_server import proxy
from gliomics.operations.model_server.deployment import Deployment, State
from gliomics.operations.model_server.server import HEADER, Server
from gliomics.operations.model_server.settings import ServingSettings
from gliomics.operations.ports import any_free_port
from gliomics.operations.processes import Command, Process, boot_id, start
from tasks import TASK
from unit.conftest import generate

NAME = "gliomics-generated"
ROW = {"dataframe_records": [{"age_years": 40.0, "sex": "male"}]}
needs_nginx = pytest.mark.skipif(
    shutil.which("nginx") is None and not Path(proxy.PLACES[0]).exists(),
    reason="no nginx: apt-get install nginx",
)


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory):
    """Version 1, another one, one whose stored prediction is not its own, and one that is no model."""
    folder = tmp_path_factory.mktemp("versions")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    experiment = mlflow.create_experiment("generated", artifact_location=(folder / "artifacts").as_uri())
    mlflow.set_experiment(experiment_id=experiment)
    for seed in (1, 2):
        data = generate(30, 14, signal=float(seed))
        patients = data.cohort[data.cohort["benefit"].notna()]
        labels = patients.set_index("subject_id")["benefit"].astype("int64")
        table = assemble_arm("clinical", patients, data.blocks)
        model = fit_final_model(
            table, labels, ModellingSettings(), seed, population="all", refits=3, task=TASK
        )
        model.card["synthetic"] = True
        with mlflow.start_run():
            uri, _ = log_packed(Packed(model, {"arm": "clinical"}), None)
        mlflow.register_model(uri, NAME)
    other = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(folder / "other")))
    smoke = other / "artifacts/model" / SMOKE_FILE
    smoke.write_text(json.dumps({**json.loads(smoke.read_text()), "probability": 0.123}))
    (folder / "empty").mkdir()
    (folder / "empty" / "readme.txt").write_text("no model")
    for source in (other, folder / "empty"):
        mlflow.MlflowClient().create_model_version(NAME, source=source.as_uri())
    yield
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def served(versions, tmp_path_factory: pytest.TempPathFactory):
    """Version 1 in service; all that was started has ended when the tests are over."""
    deployment = Deployment(tmp_path_factory.mktemp("serving"), NAME)
    settings = ServingSettings(port=any_free_port(), max_body_kib=64, request_timeout_s=20)
    outcome = deployment.up("1", settings, None)
    assert outcome.changed
    yield deployment, settings, outcome.url
    deployment.down()
    left = [p.pid for p in psutil.process_iter(["cmdline"]) if names(p, deployment.folder)]
    assert left == []


def names(process: psutil.Process, folder: Path) -> bool:
    return str(folder) in " ".join(process.info["cmdline"] or [])


def ask(url: str, body, content_type: str | None = "application/json", path: str = "/invocations"):
    """Give status, who answered, and the answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}{path}", data=data)
    if content_type is None:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
        connection.request("POST", path, data)
        answer = connection.getresponse()
        return answer.status, answer.headers.get(HEADER), answer.read().decode()
    request.add_header("Content-Type", content_type)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers.get(HEADER), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get(HEADER), error.read().decode()


@dataclass
class Client(threading.Thread):
    """Asks without a pause and notes every answer."""

    url: str
    over: threading.Event
    answers: list = field(default_factory=list)
    asked: list = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        while not self.over.is_set():
            try:
                asked = time.monotonic()
                status, who, text = ask(self.url, ROW)
                self.answers.append((status, who, json.loads(text)["predictions"][0]["probability"]))
                self.asked.append(asked)
            except Exception as error:  # noqa: BLE001  (whatever happens to a client counts as a dropped request)
                self.answers.append((0, repr(error), None))


@needs_nginx
def test_a_bad_request_gets_its_reason_and_neither_a_trace_nor_a_path(served):
    _, _, url = served
    records = "dataframe_records"
    for body, kind, status, reason in (
        (b'{"dataframe_records": [{"age_years": 40', "application/json", 400, "the body must be JSON"),
        (b"[" * 60_000, "application/json", 400, "nested too deeply"),
        (b"\xff\xfe", "application/json", 400, "the body must be UTF-8"),
        ([1], "application/json", 400, "an object with one key of dataframe_records"),
        ({"rows": []}, "application/json", 400, r"got the keys ['rows']"),
        ({records: []}, "application/json", 400, "at least one row"),
        ({records: [[1, 2]]}, "application/json", 400, "name its columns"),
        ({records: [{"age_yeers": 40.0, "sex": "male"}]}, "application/json", 400, "got 'age_yeers'"),
        (b"age_yeers,sex\n40,male", "text/csv", 400, "got 'age_yeers'"),
        ({records: [{"age_years": "forty"}]}, "application/json", 400, "could not convert string to float"),
        (b"age_years\nforty", "text/csv", 400, "could not convert string to float"),
        ({records: [{"sex": "neither"}]}, "application/json", 400, "text must be one of female, male"),
        ({records: [{"case_dir": ""}]}, "application/json", 400, "got neither"),
        ({records: [{"case_dir": "a", "age_years": 1.0}]}, "application/json", 400, "got both"),
        ({records: [{"case_dir": "/etc"}]}, "application/json", 400, "takes no scans"),
        ({"inputs": {"age_years": ["a"]}}, "application/json", 400, "could not convert"),
        (b"x", "application/vnd.apache.parquet", 415, "Content-Type must be application/json or text/csv"),
        (b"x", None, 415, "got none"),
        (b" " * 70_000, "application/json", 413, "at most 64 KiB"),
    ):
        found, _, text = ask(url, body, kind)
        facts = json.loads(text)
        assert (found, set(facts)) == (status, {"error_code", "message"}), text
        assert reason in facts["message"]
        assert (
            "Traceback" not in text
            and str(Path(sys.prefix)) not in text
            and "line " not in text.replace("at line 1", "")
        )
        assert "40.0" not in text, "what was asked is not said again"
    assert ask(url, b"", path="/docs")[0] == 404
    assert ask(url, ROW)[:2] == (200, f"{NAME}/1/blue")


@needs_nginx
@pytest.mark.parametrize(("version", "reason"), [("3", "it predicts .* where .*0.123"), ("4", "it ended")])
def test_a_version_that_fails_its_check_leaves_the_old_one_serving(served, version, reason):
    deployment, _, url = served
    before = deployment.state()
    with pytest.raises(ServingError, match=f"version {version} .green.*{reason}"):
        deployment.switch(version)
    assert deployment.state() == before
    assert not (deployment.folder / "green").exists()
    assert ask(url, ROW)[:2] == (200, f"{NAME}/1/blue")


@needs_nginx
def test_a_switch_drops_no_request_and_once_it_is_done_only_the_new_version_answers(served):
    deployment, settings, url = served
    old = deployment.state().active
    assert not deployment.up("1", settings, None).changed
    assert not deployment.switch("1").changed
    over = threading.Event()
    clients = [Client(url, over) for _ in range(4)]
    for client in clients:
        client.start()
    outcome = deployment.switch("2")
    assert (outcome.changed, outcome.server.label) == (True, f"{NAME}/2/green")
    switched = time.monotonic()
    after = ask(url, ROW)
    over.set()
    for client in clients:
        client.join(30)
    assert not old.process.is_running() and not (deployment.folder / "blue").exists()
    answers = [answer for client in clients for answer in client.answers]
    assert [answer for answer in answers if answer[0] != 200] == []
    probabilities = {who: {p for _, w, p in answers if w == who} for who in {who for _, who, _ in answers}}
    assert set(probabilities) == {f"{NAME}/1/blue", f"{NAME}/2/green"}
    assert all(len(values) == 1 for values in probabilities.values()), "an answer is of the version it names"
    for client in clients:
        # For some milliseconds nginx's workers of before and after take requests side by side.
        seen = [who for _, who, _ in client.answers]
        assert (seen[0], seen[-1]) == (f"{NAME}/1/blue", f"{NAME}/2/green")
        late = [who for who, asked in zip(seen, client.asked, strict=True) if asked > switched]
        assert set(late) <= {f"{NAME}/2/green"}
    assert after[1] == f"{NAME}/2/green"


@needs_nginx
def test_up_starts_again_what_has_ended_and_ends_what_an_interrupted_switch_left(served):
    deployment, settings, url = served
    state = deployment.state()
    with pytest.raises(ServingError, match="`gliomics serve down` first"):
        deployment.up("2", settings.model_copy(update={"workers": 2}), None)
    sleeps = Command([sys.executable, "-c", "import time; time.sleep(600)"], dict(os.environ))
    left = start("blue", sleeps, deployment.folder / "left.log")
    standby = Server(colour="blue", name=NAME, version="1", port=any_free_port(), process=left)
    (deployment.folder / "state.json").write_text(
        state.model_copy(update={"standby": standby}).model_dump_json()
    )
    assert not deployment.up("2", settings, None).changed
    assert not left.is_running()
    state.active.process.stop(patience_s=5.0)
    status, _, text = ask(url, ROW)
    assert (status, json.loads(text)["message"]) == (503, "the model server does not answer")
    assert deployment.up("2", settings, None).changed
    assert ask(url, ROW)[:2] == (200, f"{NAME}/2/blue")


def test_without_nginx_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(proxy, "PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    upstream = proxy.Upstream("blue", 1, NAME, "1")
    with pytest.raises(ServingError, match=r"got it is neither on PATH .* Install it, on Debian"):
        proxy.Proxy(tmp_path, ServingSettings()).configure(upstream)


def test_what_is_not_in_service_can_be_neither_switched_nor_stopped(tmp_path: Path):
    deployment = Deployment(tmp_path / "none", NAME)
    assert deployment.down() is False
    with pytest.raises(
        ServingError, match=r"must be in service, got nothing was started\. Run `gliomics serve up`"
    ):
        deployment.switch("1")
    gone = Process("nginx", 2**22 - 1, 1, boot_id())
    (tmp_path / "none" / "state.json").write_text(
        State(settings=ServingSettings(), case_root=None, proxy=gone).model_dump_json()
    )
    with pytest.raises(ServingError, match="it must be in service"):
        deployment.switch("1")
    assert deployment.down() is False

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gliomics.operations.local_servers.place import Place, write_private
from gliomics.operations.ports import any_free_port, is_free, listens
from gliomics.operations.processes import Command, Process, adopt, start

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc: not Linux")
FAMILY = """
import subprocess, sys, time
subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
time.sleep(60)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('ready', flush=True)
time.sleep(60)
"""


def sleeper(tmp_path: Path, code: str = "import time; time.sleep(60)") -> Process:
    return start(
        "sleeper", Command([sys.executable, "-c", code], dict(os.environ), None, tmp_path), tmp_path / "log"
    )


def test_a_process_is_stopped_with_its_children(tmp_path):
    process = sleeper(tmp_path, FAMILY)
    until = time.monotonic() + 20
    while len(process.members()) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    members = process.members()
    assert len(members) == 2
    assert process.stop()
    assert not process.is_running()
    assert not any(Path(f"/proc/{pid}").exists() and _alive(pid) for pid in members)
    assert not process.stop(), "there is nothing left to stop"


def test_one_that_does_not_listen_is_killed(tmp_path):
    process = sleeper(tmp_path, STUBBORN)
    until = time.monotonic() + 20
    while "ready" not in (tmp_path / "log").read_text() and time.monotonic() < until:
        time.sleep(0.05)
    assert process.stop(patience_s=0.2)
    assert not process.is_running()


@pytest.mark.parametrize("change", [{"started": 1}, {"boot": "another"}])
def test_a_stranger_with_the_same_number_is_left_alone(change):
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    try:
        now = adopt("x", stranger.pid)
        assert now.is_running()
        recorded = replace(now, **change)
        assert not recorded.is_running()
        assert not recorded.stop(signal.SIGKILL)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_passwords_and_ports_are_made_once_and_only_we_can_read_them(tmp_path):
    place = Place(tmp_path / "prod")
    place.make()
    ports, passwords = place.ports({"mlflow": 12345}), place.passwords()
    assert ports["mlflow"] == 12345
    assert Place(tmp_path / "prod").ports({}) == ports
    assert Place(tmp_path / "prod").passwords() == passwords
    assert len(set(passwords.values())) == len(passwords)
    place.write_env({"MLFLOW_TRACKING_PASSWORD": "it's $HOME"})
    for name in ("ports.json", "passwords.json", "env"):
        assert (place.folder / name).stat().st_mode & 0o777 == 0o600
    shown = subprocess.run(
        ["sh", "-c", f'. {place.env_file}; printf %s "$MLFLOW_TRACKING_PASSWORD"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "it's $HOME"


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(OSError, match="x"):
        write_private(tmp_path / "x", "secret")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_port_in_use_is_seen():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        assert listens(port)
    assert is_free(any_free_port())


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

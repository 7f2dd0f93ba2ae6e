import os
from pathlib import Path

import pytest

from gliomics.errors import DeploymentError
from gliomics.operations.environment.tracking import TrackingServer, parse_tracking_uri
from gliomics.operations.ports import any_free_port
from gliomics.versioning.shared_remote import SYSTEM_CONFIG, shared_remote


@pytest.mark.parametrize("uri", ["sqlite:///x.db", "localhost:5000", "http://", "http://h:port", ""])
def test_an_address_that_is_no_servers_is_refused_by_the_variables_name(uri):
    with pytest.raises(DeploymentError, match=r"^MLFLOW_TRACKING_URI: it must be the address of a server"):
        parse_tracking_uri(uri)


def test_a_password_in_the_address_is_refused_and_not_shown():
    with pytest.raises(DeploymentError, match="neither user nor password") as raised:
        parse_tracking_uri("https://me:verysecret@mlflow.example.org")
    assert "verysecret" not in str(raised.value)
    assert parse_tracking_uri("https://mlflow.example.org/") == "https://mlflow.example.org"


def test_a_server_that_does_not_answer_is_told_by_the_variables_name():
    with pytest.raises(DeploymentError, match=r"^MLFLOW_TRACKING_URI: a server must answer"):
        TrackingServer(f"http://127.0.0.1:{any_free_port()}", 2).check("x", [])


@pytest.mark.parametrize("url", ["ftp://h/x", "ssh://host", "relative/folder", "s3://bucket", "ssh://h:x/f"])
def test_a_remote_that_dvc_would_not_find_is_refused_by_the_variables_name(url):
    with pytest.raises(DeploymentError, match=r"^GLIOMICS_DVC_REMOTE_URL: it must be ssh://"):
        shared_remote("shared", url)


def test_a_password_in_the_remotes_url_is_refused_and_not_shown():
    with pytest.raises(DeploymentError, match="no password") as raised:
        shared_remote("shared", "ssh://me:verysecret@host/folder")
    assert "verysecret" not in str(raised.value)


def test_a_key_that_is_not_there_is_told_by_the_variables_name(monkeypatch, tmp_path):
    monkeypatch.setenv("GLIOMICS_DVC_KEY_FILE", str(tmp_path / "none"))
    with pytest.raises(DeploymentError, match=r"^GLIOMICS_DVC_KEY_FILE"):
        shared_remote("shared", "ssh://host/folder")


def test_dvc_is_told_of_the_remote_in_a_private_file_that_goes_with_its_process(monkeypatch, tmp_path):
    from configobj import ConfigObj

    monkeypatch.setenv("GLIOMICS_DVC_PASSWORD", 'it\'s a # "pass"word'[:12])
    monkeypatch.delenv("GLIOMICS_DVC_KEY_FILE", raising=False)
    (tmp_path / "config").write_text("[core]\n    no_scm = true\n")
    monkeypatch.setenv(SYSTEM_CONFIG, str(tmp_path))
    remote = shared_remote("shared", "ssh://me@host:2222/folder")
    assert "pass" not in repr(remote)
    with remote.told() as told:
        file = Path(told[SYSTEM_CONFIG]) / "config"
        assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        read = ConfigObj(str(file))
        found = read['remote "shared"']
        assert found["url"] == "ssh://me@host:2222/folder"
        assert found["password"] == os.environ["GLIOMICS_DVC_PASSWORD"]
        assert read["core"]["no_scm"] == "true", "what the machine's own settings say still holds"
    assert not file.exists()

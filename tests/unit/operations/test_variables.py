import pytest

from gliomics.errors import DeploymentError
from gliomics.operations.environment.readiness import prepare
from gliomics.operations.environment.variables import asked_by, export_credentials, read_variable, redact


def test_a_variable_that_is_not_set_is_named_with_what_it_is_for(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", " ")
    with pytest.raises(DeploymentError, match=r"MLFLOW_TRACKING_URI \(address of the MLflow tracking server"):
        read_variable("MLFLOW_TRACKING_URI")


def test_all_missing_variables_are_named_at_once_and_commented_lines_ask_for_none(tmp_path, monkeypatch):
    conf = tmp_path / "conf" / "prod"
    conf.mkdir(parents=True)
    (conf / "mlflow.yml").write_text(
        "uri: ${gliomics.env:MLFLOW_TRACKING_URI}\n# x: ${gliomics.env:GLIOMICS_X}\n"
    )
    (conf / "a.yml").write_text("ledger: ${gliomics.env:GLIOMICS_LEDGER}\n")
    assert asked_by(conf) == ["GLIOMICS_LEDGER", "MLFLOW_TRACKING_URI"]
    for name in ("MLFLOW_TRACKING_URI", "GLIOMICS_LEDGER", "MLFLOW_TRACKING_USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "x")
    with pytest.raises(DeploymentError, match="must be set") as raised:
        prepare(tmp_path, "prod", lambda kind: {})
    said = raised.value.expected
    assert all(
        name in said for name in ("MLFLOW_TRACKING_URI", "GLIOMICS_LEDGER", "MLFLOW_TRACKING_USERNAME")
    )
    assert "MLFLOW_TRACKING_PASSWORD" not in said


def test_credentials_become_variables_and_anything_else_is_refused_without_being_shown(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "other")
    export_credentials({"servers": {"MLFLOW_TRACKING_USERNAME": "pipeline"}})
    assert read_variable("MLFLOW_TRACKING_USERNAME") == "pipeline"
    with pytest.raises(DeploymentError, match=r"credentials\.yml") as raised:
        export_credentials({"servers": {"MLFLOW_TRACKING_PASSWORD": 12345678}})
    assert "12345678" not in str(raised.value)


def test_values_of_secret_variables_are_hidden(monkeypatch):
    monkeypatch.setenv("GLIOMICS_DVC_PASSWORD", "correct horse")
    assert redact("ssh said correct horse") == "ssh said (hidden)"

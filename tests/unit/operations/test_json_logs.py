import json
import logging

import pytest

from gliomics.operations.environment.json_logs import JsonFormatter, add_context


def record(message: str, *arguments: object, error: BaseException | None = None) -> logging.LogRecord:
    trace = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("gliomics.x", logging.WARNING, "x.py", 1, message, arguments, trace)


def int_or_refuse() -> None:
    raise ValueError("401 for s3cret-s3cret")


def test_a_record_is_one_line_of_json_with_time_level_logger_message_and_context():
    add_context(env="prod", cohort="demo", run_id="abc")
    try:
        line = JsonFormatter().format(record("two\nlines of %s", "text"))
    finally:
        add_context(env=None, cohort=None, run_id=None)
    facts = json.loads(line)
    assert "\n" not in line
    assert facts["message"] == "two\nlines of text"
    assert (facts["level"], facts["logger"]) == ("WARNING", "gliomics.x")
    assert (facts["env"], facts["cohort"], facts["run_id"]) == ("prod", "demo", "abc")
    assert facts["time"].endswith("+00:00")
    assert "env" not in json.loads(JsonFormatter().format(record("later")))


def test_a_trace_is_kept_and_its_secrets_are_not(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "s3cret-s3cret")
    with pytest.raises(ValueError, match="401") as raised:
        int_or_refuse()
    error = raised.value
    facts = json.loads(JsonFormatter().format(record("s3cret-s3cret", error=error)))
    assert facts["message"] == "(hidden)"
    assert "ValueError: 401 for (hidden)" in facts["exception"]
    assert "s3cret" not in json.dumps(facts)


@pytest.mark.parametrize("value", [float("nan"), object(), b"x"])
def test_whatever_is_logged_gives_json(value):
    assert json.loads(JsonFormatter().format(record("%s", value)))["message"] == str(value)

"""What deploy/ gives to a team must be what conf/prod asks for."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from gliomics.operations.environment.variables import PASSWORD, SECRETS, USERNAME, asked_by

PROJECT = Path(__file__).resolve().parents[2]
DEPLOY = PROJECT / "deploy"
WANTED = {*asked_by(PROJECT / "conf" / "prod"), USERNAME, PASSWORD}


def manifests() -> list[dict]:
    files = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    return [found for file in files for found in yaml.safe_load_all(file.read_text()) if found]


def pods() -> dict[str, dict]:
    """Give the pods' specifications by the name of what makes them."""
    found = {}
    for one in manifests():
        spec = one.get("spec") or {}
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if template:
            found[one["metadata"]["name"]] = template["spec"]
    return found


def kustomization() -> dict:
    return yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())


def test_every_variable_that_prod_asks_for_is_set_in_compose():
    services = yaml.safe_load((DEPLOY / "compose.yml").read_text())["services"]
    assert set(services["pipeline"]["environment"]) >= WANTED


def test_every_variable_that_prod_asks_for_is_set_in_the_job():
    container = pods()["pipeline"]["containers"][0]
    shared = {entry["configMapRef"]["name"] for entry in container["envFrom"]}
    literals = {
        line.partition("=")[0]
        for made in kustomization()["configMapGenerator"]
        if made["name"] in shared
        for line in made["literals"]
    }
    assert {entry["name"] for entry in container["env"]} | literals >= WANTED


def test_no_secret_has_a_value_anywhere():
    for name, spec in pods().items():
        for entry in spec["containers"][0].get("env", []):
            secret = entry["name"] in SECRETS or re.search("PASSWORD|SECRET|KEY$", entry["name"])
            assert not (secret and "value" in entry), f"{name}: {entry['name']}"
    assert "Secret" not in {one["kind"] for one in manifests()}
    compose = yaml.safe_load((DEPLOY / "compose.yml").read_text())
    for secret in compose["secrets"].values():
        assert secret["file"].startswith("secrets/")
    ignored = (PROJECT / ".gitignore").read_text().splitlines()
    left_out = (PROJECT / ".dockerignore").read_text().splitlines()
    assert "deploy/secrets/" in ignored
    assert {"deploy/secrets", ".gliomics", "conf/prod/credentials.yml", "data"} <= set(left_out)


def test_no_pod_runs_as_root_or_may_become_more_than_it_is():
    for name, spec in pods().items():
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        for container in spec["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False, name
    assert re.search(r"^USER 10001$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)


def test_every_claim_and_service_that_a_pod_names_is_there():
    names = {(one["kind"], one["metadata"]["name"]) for one in manifests() if "metadata" in one}
    for spec in pods().values():
        for volume in spec.get("volumes", []):
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in names
    literals = {
        line
        for made in kustomization()["configMapGenerator"]
        for line in made.get("literals", [])
        if "://" in line
    }
    for service in ("mlflow", "dask-scheduler"):
        assert any(f"//{service}:" in line for line in literals)
        assert ("Service", service) in names


def test_kustomize_accepts_the_manifests():
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl, which checks the manifests")
    done = subprocess.run(
        ["kubectl", "kustomize", str(DEPLOY / "kubernetes")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    kinds = [one["kind"] for one in yaml.safe_load_all(done.stdout)]
    assert kinds.count("Deployment") == 3
    assert {"StatefulSet", "CronJob", "NetworkPolicy", "Namespace"} <= set(kinds)
    assert all(
        one["metadata"].get("namespace") == "gliomics"
        for one in yaml.safe_load_all(done.stdout)
        if one["kind"] != "Namespace"
    )

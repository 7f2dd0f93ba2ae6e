"""``gliomics lineage``: where a registered model comes from."""

from __future__ import annotations

import click
from mlflow import MlflowClient, set_tracking_uri
from mlflow.exceptions import MlflowException

from gliomics.cli.cohort_project import open_cohort
from gliomics.cli.project import environment_servers
from gliomics.errors import RegistrationError
from gliomics.lineage.run_facts import CHAIN_ID, COHORT
from gliomics.versioning.chain import Link, follow_chain

PREDICTIONS = "cv_predictions.parquet"


@click.command()
@click.argument("model")
@click.option("--env", default="base", show_default=True, help="Environment whose tracking server is asked.")
def lineage(model: str, env: str) -> None:
    """Print the chain behind MODEL (name@alias or name/version), from its predictions to its patients.

    And say what of it cannot be found any more.
    """
    servers = environment_servers(env, {})
    servers.check_all()
    set_tracking_uri(servers.tracking_uri)
    client = MlflowClient()
    links, tags = _model_links(client, model)
    if COHORT not in tags:
        raise RegistrationError(
            where=model,
            expected="the version must carry gliomics' tags",
            got=f"the tags {sorted(tags)}",
            fix="It was not registered by a run of gliomics.",
        )
    links += follow_chain(open_cohort(tags[COHORT], env, as_run=True, with_stages=False), tags)
    for link in links:
        where = "; ".join(link.places) if link.found else f"CANNOT BE FOUND ANY MORE: {link.lost}"
        click.secho(f"{link.what:12}  {link.value}\n{'':14}{where}", fg=None if link.found else "red")
    lost = [link.what for link in links if not link.found]
    click.echo(f"not found any more: {', '.join(lost)}" if lost else "every link was found")


def _model_links(client: MlflowClient, model: str) -> tuple[list[Link], dict[str, str]]:
    """Give the links that MLflow keeps, and the tags of the run below those of the version."""
    try:
        name, at, alias = model.partition("@")
        version = (
            client.get_model_version_by_alias(name, alias)
            if at
            else client.get_model_version(*model.rpartition("/")[::2])
        )
    except MlflowException as error:
        raise RegistrationError(
            where=model,
            expected="it must be the name@alias or name/version of a registered model",
            got=error.message,
            fix="Run the pipeline, or look with `kedro mlflow ui`.",
        ) from error
    links = [Link("model", f"version {version.version} of {version.name}", ("the registry",))]
    try:
        run = client.get_run(str(version.run_id))
    except MlflowException:
        links.append(Link("run", str(version.run_id), lost="the run was deleted, with its predictions"))
        return links, dict(version.tags)
    tags = {**run.data.tags, **version.tags}
    chain = client.search_runs(
        [run.info.experiment_id], f"tags.`{CHAIN_ID}` = '{tags.get(CHAIN_ID, '')}'", max_results=50
    )
    runs = [run, *(other for other in chain if other.info.run_id != run.info.run_id)]
    links.append(Link("run", f"{run.info.run_id}, {len(runs)} of its chain", ("MLflow",)))
    holding = [r.info.run_id for r in runs if _has_predictions(client, r.info.run_id)]
    links.append(
        Link(
            "predictions",
            PREDICTIONS,
            tuple(f"run {one}" for one in holding[:1]),
            "no run of the chain has it",
        )
    )
    return links, tags


def _has_predictions(client: MlflowClient, run_id: str) -> bool:
    try:
        return any(file.path == PREDICTIONS for file in client.list_artifacts(run_id))
    except (MlflowException, OSError):
        return False

"""Options that several commands take, with the same words everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

cohort_option: Decorator = click.option(
    "--cohort", help="Name of the cohort; the project's default when left out."
)
env_option: Decorator = click.option("--env", default="base", show_default=True, help="Kedro environment.")
workers_option: Decorator = click.option(
    "--workers", default=0, help="0: one a core.", type=click.IntRange(0)
)
version_option: Decorator = click.option(
    "--model", default="champion", show_default=True, help="Version number or alias."
)
_arm_option: Decorator = click.option("--arm", help="The model of one arm instead of the cohort's own.")


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which registered model is meant."""
    return _arm_option(cohort_option(env_option(command)))

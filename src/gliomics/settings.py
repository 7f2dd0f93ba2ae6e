"""Kedro's settings of the project: how configuration is read and which hooks run."""

from typing import Any

from kedro.config import OmegaConfigLoader
from omegaconf import DictConfig
from omegaconf.resolvers import oc

from gliomics.cohort.validation import parse_validation
from gliomics.errors import unknown_name
from gliomics.hooks.environment import DeploymentHooks
from gliomics.hooks.lineage import LineageHooks
from gliomics.hooks.run_record import RunRecordHooks, TypedParameterTracking
from gliomics.operations.environment.variables import read_variable


def select_cohort(name: str, _root_: DictConfig) -> Any:
    """Resolve ``${gliomics.select_cohort:NAME}`` to the entry of ``cohorts`` with that name.

    Raises
    ------
    SettingsError
        If no file ``conf/base/cohorts/<name>.yml`` describes such a cohort.
    """
    cohorts = _root_.get("cohorts") or {}
    if name not in cohorts:
        raise unknown_name(str(name), map(str, cohorts), where="--params cohort", what="cohort")
    return cohorts[name]


def check_validation(text: str) -> str:
    """Resolve ``${gliomics.check_validation:TEXT}`` to the text itself, if it names a mode of validation.

    Raises
    ------
    SettingsError
        If it does not; lists the valid ones.
    """
    return parse_validation(str(text)).text


HOOKS = (DeploymentHooks(), TypedParameterTracking(), RunRecordHooks(), LineageHooks())
# Replaced by TypedParameterTracking, which is the same hook with readable parameters.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-mlflow", "kedro_mlflow")

CONFIG_LOADER_CLASS = OmegaConfigLoader
CONFIG_LOADER_ARGS = {
    # conf/<env>/<subject>/{catalog,parameters}.yml, and one file a cohort: conf/<env>/cohorts/<name>.yml.
    "config_patterns": {"parameters": ["parameters*", "**/parameters*", "cohorts/*"]},
    "base_env": "base",
    "default_run_env": "base",
    "merge_strategy": {"parameters": "soft", "globals": "soft", "catalog": "soft"},
    "custom_resolvers": {
        "gliomics.select_cohort": select_cohort,
        "gliomics.check_validation": check_validation,
        "gliomics.env": read_variable,
        "oc.env": oc.env,
    },
}

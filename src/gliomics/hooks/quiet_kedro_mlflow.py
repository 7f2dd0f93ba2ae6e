"""kedro-mlflow's hook, imported without MLflow's warning about one of kedro-mlflow's classes.

MLflow wants type hints of every ``PythonModel`` when its class is made. kedro-mlflow's has none, and a filter
of MLflow's own shows the warning whatever ours say. Nobody who runs a pipeline can act on it.
"""

from __future__ import annotations

import warnings
from typing import Final

MLFLOWS_ADVICE: Final = "Add type hints to the `predict` method"

with warnings.catch_warnings(record=True) as _caught:
    from kedro_mlflow.framework.hooks import MlflowHook
for _one in _caught:
    if MLFLOWS_ADVICE not in str(_one.message):
        warnings.showwarning(_one.message, _one.category, _one.filename, _one.lineno)

__all__ = ["MlflowHook"]

"""The MLflow model, made from code: features or a case folder in; probability, interval and reasons out.

MLflow runs this file when it loads the model; nothing in it is unpickled. The fitted arm lies beside it as
skops and JSON (`gliomics.model_package.model_files`), its networks as safetensors
(`gliomics.model_package.case_features`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from gliomics.errors import GliomicsError
from gliomics.model_package.case_features import load_case_measurer
from gliomics.model_package.model_files import load_final_model
from gliomics.model_package.requests import CASE_ROOT, answer


class SurvivalModel(PythonModel):
    """The probability that the model's card names, from one arm's features."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the fitted arm, and what it needs for scans, from the model's artifacts."""
        folder = Path(context.artifacts["model"])
        self.model = load_final_model(folder)
        self.measurer = load_case_measurer(folder)

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> pd.DataFrame:
        """Score rows of features or case folders (see `gliomics.model_package.requests.answer`)."""
        try:
            return answer(self.model, self.measurer, model_input, os.environ.get(CASE_ROOT))
        except GliomicsError as error:
            raise MlflowException(str(error), error_code=INVALID_PARAMETER_VALUE) from error


mlflow.models.set_model(SurvivalModel())

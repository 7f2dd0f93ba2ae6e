"""The MLflow model, made from code: a row of features in, a probability and its decision out.

MLflow runs this file when it loads the model; nothing in it is unpickled. The fitted arm lies beside it as
skops and JSON (`gliomics.serving.model_files`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from gliomics.serving.model_files import load_final_model
from gliomics.serving.scoring import score_rows


class SurvivalModel(PythonModel):
    """24-month survival (surrogate for chemotherapy benefit) from one arm's features."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the fitted arm from the model's artifacts."""
        self.model = load_final_model(Path(context.artifacts["model"]))

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> pd.DataFrame:
        """Score rows of features (see `gliomics.serving.scoring.score_rows`)."""
        return score_rows(self.model, model_input)


mlflow.models.set_model(SurvivalModel())

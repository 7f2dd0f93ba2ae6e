"""What kedro-viz shows of a file: the head of a table, facts, a text, a drawing.

kedro-viz finds ``preview`` on a dataset and reads the kind from the name of its return type. It is not
imported here: the names are all that it asks for.
"""

from __future__ import annotations

import base64
import html
import json
from typing import TYPE_CHECKING, Any, NewType

import pandas as pd
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TablePreview = NewType("TablePreview", dict[str, Any])
JSONPreview = NewType("JSONPreview", str)
HTMLPreview = NewType("HTMLPreview", str)

COLUMNS = 12
"""As many are shown of a wide table: a panel of 726 features has no use beside a graph."""


def preview_parquet(path: Path, rows: int = 5) -> TablePreview:
    """Read the head of a table without reading the table.

    Parameters
    ----------
    path : Path
        The file.
    rows : int
        Number of rows.

    Returns
    -------
    dict
        ``columns``, ``index`` and ``data`` as kedro-viz wants them, the first 12 columns.
    """
    with pq.ParquetFile(path) as file:
        names = [name for name in file.schema_arrow.names if not name.startswith("__index_level")]
        batch = next(file.iter_batches(batch_size=rows, columns=names[:COLUMNS]), None)
        head = file.schema_arrow.empty_table().to_pandas() if batch is None else batch.to_pandas()
    return _table(head.reset_index(drop=True).reindex(columns=names[:COLUMNS]), len(names))


def preview_csv(path: Path, rows: int = 5) -> TablePreview:
    """Read the head of a table in CSV; see `preview_parquet`."""
    head = pd.read_csv(path, nrows=rows)
    return _table(head.iloc[:, :COLUMNS], head.shape[1])


def preview_json(path: Path) -> JSONPreview:
    """Give facts as they are; kedro-viz folds them."""
    return JSONPreview(path.read_text(encoding="utf-8"))


def preview_text(path: Path) -> HTMLPreview:
    """Give a text as it is."""
    return HTMLPreview(
        f'<pre style="white-space: pre-wrap">{html.escape(path.read_text(encoding="utf-8"))}</pre>'
    )


def preview_drawing(path: Path) -> HTMLPreview:
    """Give an SVG as an image that holds it all: kedro-viz takes the images of datasets for PNG."""
    content = base64.b64encode(path.read_bytes()).decode()
    style = "width: 100%; background: white"
    return HTMLPreview(f'<img alt="{path.stem}" style="{style}" src="data:image/svg+xml;base64,{content}">')


PREVIEWS: dict[str, Callable[..., Any]] = {
    ".parquet": preview_parquet,
    ".csv": preview_csv,
    ".json": preview_json,
    ".md": preview_text,
    ".svg": preview_drawing,
}
"""By the ending of a file; others have none."""


def _table(head: pd.DataFrame, n_columns: int) -> TablePreview:
    """Write a head as JSON holds it: no NaN, no numpy type."""
    shown = json.loads(head.to_json(orient="split", date_format="iso", default_handler=str))
    if n_columns > head.shape[1]:
        shown["columns"].append(f"and {n_columns - head.shape[1]} more")
        shown["data"] = [[*row, ""] for row in shown["data"]]
    return TablePreview(shown)

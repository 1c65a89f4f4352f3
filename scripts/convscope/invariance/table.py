"""One tidy table of invariance: a row for every network, image, transform, amount and layer."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from convscope.errors import UserError
from convscope.files import replacing
from convscope.invariance.extent import changes_of
from convscope.invariance.storage import COMPARISONS, Curves, Invariance, read_invariance
from convscope.predictions.storage import SIGNIFICANT, rounded

LOGGER = logging.getLogger(__name__)
COLUMNS: dict[str, pa.DataType] = {
    "image": pa.string(),
    "sample_set": pa.string(),
    "network": pa.string(),
    "transform": pa.string(),
    "amount": pa.float64(),
    "layer": pa.string(),
    "common_name": pa.string(),
    "role": pa.string(),
    "distance": pa.float64(),
    "relative_distance": pa.float64(),
    "cosine_similarity": pa.float64(),
    "label": pa.string(),
    "label_probability": pa.float64(),
    "clean_class": pa.string(),
    "clean_class_probability": pa.float64(),
    "predicted": pa.string(),
    "predicted_index": pa.int32(),
    "class_held": pa.int32(),
}
"""``class_held`` is 1 where the predicted class is that of the image itself, else 0."""


def tabulate_invariance(
    files: Sequence[Mapping[str, str]], class_names: Mapping[str, Sequence[str]]
) -> Iterator[pd.DataFrame]:
    """Yield the tidy table, file by file, so that memory holds one file's rows.

    Parameters
    ----------
    files
        Each ``{"path", "network", "sample_set"}``, in the order of the rows.
    class_names
        ``{network: names in the order of its logits}``.

    Yields
    ------
    pandas.DataFrame
        With the columns ``COLUMNS``: amounts in pixels, factors or degrees; null where an image
        has no label, or a feature is zero.

    Raises
    ------
    UserError
        If a file is damaged, or its network has another number of classes than names.
    """
    for file in files:
        measured = read_invariance(file["path"])
        names = _names(measured, class_names[file["network"]], file["path"])
        for curves in measured.curves:
            yield _rows(file, measured, curves, names)


def write_tables(frames: Iterator[pd.DataFrame], csv: str | Path, parquet: str | Path) -> int:
    """Write frames one after another to a CSV and a Parquet file that say the same.

    Returns
    -------
    int
        The number of rows.
    """
    schema = pa.schema(list(COLUMNS.items()))
    empty = pd.DataFrame(columns=list(COLUMNS))
    count = 0
    with (
        replacing(csv) as csv_part,
        replacing(parquet) as parquet_part,
        csv_part.open("w", encoding="utf-8", newline="") as text,
        pq.ParquetWriter(parquet_part, schema, compression="zstd", store_schema=False) as rows,
    ):
        for place, frame in enumerate(chain([empty], frames)):
            frame.to_csv(
                text,
                header=place == 0,
                index=False,
                float_format=SIGNIFICANT,
                lineterminator="\n",
            )
            if place:
                rows.write_table(_as_arrow(frame, schema))
            count += len(frame)
    LOGGER.info("%s: %d rows", parquet, count)
    return count


def tabulate_changes(
    files: Sequence[Mapping[str, str]], class_names: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """Return where each image's predicted class changes along ascending amounts.

    Returns
    -------
    pandas.DataFrame
        ``image, sample_set, network, transform, amount_before, amount, class_before, class_after,
        clean_class``: between the two neighbouring amounts the class becomes another.
    """
    records: list[dict[str, Any]] = []
    for file in files:
        measured = read_invariance(file["path"])
        names = _names(measured, class_names[file["network"]], file["path"])
        for curves in measured.curves:
            for place, image in enumerate(measured.ids):
                for change in changes_of(curves.transform.amounts, curves.predicted[place]):
                    records.append(
                        {
                            "image": image,
                            "sample_set": file["sample_set"],
                            "network": file["network"],
                            "transform": curves.transform.name,
                            "amount_before": change.before,
                            "amount": change.after,
                            "class_before": names[change.class_before],
                            "class_after": names[change.class_after],
                            "clean_class": names[measured.clean_class[place]],
                        }
                    )
    columns = [
        *("image", "sample_set", "network", "transform", "amount_before", "amount"),
        *("class_before", "class_after", "clean_class"),
    ]
    return pd.DataFrame(records, columns=columns)


def _names(measured: Invariance, names: Sequence[str], path: str) -> np.ndarray:
    if measured.classes != len(names):
        raise UserError(
            f"the network has {measured.classes} outputs, its class list {len(names)} names",
            where=path,
            remedy="Set `classes` of this network to the list that it was trained on.",
        )
    return np.array(list(names), dtype=object)


def _rows(
    file: Mapping[str, str], measured: Invariance, curves: Curves, names: np.ndarray
) -> pd.DataFrame:
    images, amounts, layers = curves.distance.shape
    image, amount, layer = (index.ravel() for index in np.indices((images, amounts, layers)))
    labels = np.array(
        [None if label is None else names[label] for label in measured.labels], dtype=object
    )
    predicted = curves.predicted[image, amount]
    clean = measured.clean_class[image]
    entries = measured.layers
    columns: dict[str, Any] = {
        "image": np.array(measured.ids, dtype=object)[image],
        "sample_set": file["sample_set"],
        "network": file["network"],
        "transform": curves.transform.name,
        "amount": np.array(curves.transform.amounts)[amount],
        "layer": np.array([entry["name"] for entry in entries], dtype=object)[layer],
        "common_name": np.array([entry["common_name"] for entry in entries], dtype=object)[layer],
        "role": np.array([entry["role"] for entry in entries], dtype=object)[layer],
        **{name: getattr(curves, name).ravel() for name in COMPARISONS},
        "label": labels[image],
        "label_probability": curves.label_probability[image, amount],
        "clean_class": names[clean],
        "clean_class_probability": curves.clean_class_probability[image, amount],
        "predicted": names[predicted],
        "predicted_index": predicted.astype(np.int32),
        "class_held": (predicted == clean).astype(np.int32),
    }
    return pd.DataFrame(columns, columns=list(COLUMNS))


def _as_arrow(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    arrays = [
        pa.array(
            rounded(frame[entry.name]) if entry.type == pa.float64() else frame[entry.name],
            type=entry.type,
            from_pandas=True,
        )
        for entry in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)

"""The predictions table as CSV and Parquet: both say the same, the same bytes every time."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from convscope.errors import UserError
from convscope.files import replacing

SIGNIFICANT = "%.9g"
"""Nine significant digits: finer than the float32 logits, and equal text on machines whose
exponentials differ in the last bit."""

_TYPES = {pa.string(): pd.StringDtype(), pa.int32(): pd.Int32Dtype()}


def rounded(values: pd.Series) -> pd.Series:
    """Return floats rounded to nine significant digits, as the files have them."""
    texts = np.char.mod(SIGNIFICANT, values.to_numpy(np.float64))
    return pd.Series(texts.astype(np.float64), index=values.index, name=values.name)


def write_csv(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table as UTF-8 CSV with LF line ends, empty fields for nulls, nine digits."""
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, float_format=SIGNIFICANT, lineterminator="\n")


def write_parquet(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table of strings, 32-bit integers and floats as Parquet (Zstandard).

    Floats are rounded as in the CSV, so that the two files are equal number by number.
    """
    arrays = {}
    for name in table.columns:
        column = table[name]
        if pd.api.types.is_float_dtype(column.dtype):
            arrays[name] = pa.array(rounded(column), type=pa.float64(), from_pandas=True)
        elif pd.api.types.is_integer_dtype(column.dtype):
            arrays[name] = pa.array(column, type=pa.int32(), from_pandas=True)
        else:
            arrays[name] = pa.array(column, type=pa.string(), from_pandas=True)
    with replacing(path) as temporary:
        pq.write_table(pa.table(arrays), temporary, compression="zstd", store_schema=False)


def read_parquet(path: str | Path) -> pd.DataFrame:
    """Read a table that ``write_parquet`` wrote, with nullable strings and integers.

    Raises
    ------
    UserError
        If the file is missing or damaged.
    """
    try:
        return pq.read_table(path).to_pandas(types_mapper=_TYPES.get)
    except (OSError, pa.ArrowInvalid) as error:
        raise UserError(
            f"not a whole Parquet file ({error})",
            where=str(path),
            remedy="Delete it and run snakemake again to rebuild it.",
        ) from None

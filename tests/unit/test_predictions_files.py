"""The files of the predictions: CSV and Parquet say the same, the summary counts rightly."""

import csv

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from convscope.errors import UserError
from convscope.predictions.storage import read_parquet, write_csv, write_parquet
from convscope.predictions.summary import summarise

ORDERS = {"sample_sets": ["s", "t"], "variants": ["normal", "turned"], "networks": ["n", "m"]}


def small_table():
    return pd.DataFrame(
        {
            "image": pd.array(['with "quote", comma', "é", None], dtype="string"),
            "rank": pd.array([1, None, 3], dtype="Int32"),
            "probability": [1 / 3, np.nan, 1e-12 / 7],
        }
    )


def counted_table():
    rows = [
        ("t", "m", "turned", 1, 0.5),
        ("s", "n", "turned", 6, 0.01),
        ("s", "n", "normal", 1, 0.9),
        ("s", "n", "normal", 5, 0.1),
        ("s", "n", "normal", None, np.nan),
        ("s", "n", "normal", 9, 0.002),
        ("s", "m", "normal", None, np.nan),
    ]
    names = ["sample_set", "network", "variant", "label_rank", "label_probability"]
    table = pd.DataFrame(rows, columns=names)
    strings = dict.fromkeys(names[:3], "string")
    return table.astype({**strings, "label_rank": "Int32", "label_probability": "float64"})


def test_csv_has_nine_digits_and_line_feeds(tmp_path):
    write_csv(small_table(), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes().decode() == (
        'image,rank,probability\n"with ""quote"", comma",1,0.333333333\né,,\n,3,1.42857143e-13\n'
    )


def test_csv_and_parquet_hold_the_same_numbers(tmp_path):
    write_csv(small_table(), tmp_path / "t.csv")
    write_parquet(small_table(), tmp_path / "t.parquet")
    stored = read_parquet(tmp_path / "t.parquet")
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as stream:
        for line, row in zip(csv.DictReader(stream), stored.to_dict("records"), strict=True):
            for name, text in line.items():
                assert pd.isna(row[name]) if text == "" else type(row[name])(text) == row[name]


def test_parquet_has_the_types_and_no_pandas_metadata(tmp_path):
    write_parquet(small_table(), tmp_path / "t.parquet")
    schema = pq.read_schema(tmp_path / "t.parquet")
    assert [str(kind) for kind in schema.types] == ["string", "int32", "double"]
    assert not schema.metadata
    assert [str(kind) for kind in read_parquet(tmp_path / "t.parquet").dtypes] == [
        "string",
        "Int32",
        "float64",
    ]


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_equal_tables_give_equal_bytes(tmp_path, write):
    write(small_table(), tmp_path / "one")
    write(small_table(), tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("content", [None, b"not parquet at all"])
def test_a_missing_or_damaged_parquet_is_named(tmp_path, content):
    path = tmp_path / "t.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"t\.parquet: not a whole Parquet file"):
        read_parquet(path)


def test_summary_counts_labelled_images_in_the_given_order():
    summary = summarise(counted_table(), **ORDERS)
    keys = list(zip(summary["sample_set"], summary["network"], summary["variant"], strict=True))
    assert keys == [
        ("s", "n", "normal"),
        ("s", "n", "turned"),
        ("s", "m", "normal"),
        ("t", "m", "turned"),
    ]
    first = summary.iloc[0]
    assert first[["images", "labelled", "top_1", "top_5"]].tolist() == [4, 3, 1, 2]
    assert first["top_1_share"] == pytest.approx(1 / 3)
    assert first["top_5_share"] == pytest.approx(2 / 3)
    assert first["mean_label_probability"] == pytest.approx((0.9 + 0.1 + 0.002) / 3)
    assert summary.iloc[1][["top_1", "top_5"]].tolist() == [0, 0]


def test_summary_is_null_without_labels(tmp_path):
    unlabelled = summarise(counted_table(), **ORDERS).iloc[2]
    assert unlabelled[["images", "labelled", "top_1"]].tolist() == [1, 0, 0]
    shares = ["top_1_share", "top_5_share", "mean_label_probability"]
    assert unlabelled[shares].isna().all()
    write_csv(summarise(counted_table(), **ORDERS), tmp_path / "summary.csv")
    assert "s,m,normal,1,0,0,,0,,\n" in (tmp_path / "summary.csv").read_text()

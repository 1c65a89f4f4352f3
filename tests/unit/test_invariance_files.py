"""What was measured comes back from the file, and in both tables, number by number."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from convscope.errors import UserError
from convscope.invariance.gather import gather_curves
from convscope.invariance.storage import compared, read_invariance
from convscope.invariance.table import (
    COLUMNS,
    tabulate_changes,
    tabulate_invariance,
    write_tables,
)
from convscope.invariance.transforms import Transform
from convscope.predictions.storage import read_parquet
from invariance_toys import ROLES, TRANSFORMS, measurer, noise_batch, toy_network, write_file

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
CLASSES = {"toy": ["ant", "bee", "cat", "dog", "elk"]}
LABELS = [2, None, 0]


@pytest.fixture(scope="module")
def network():
    return toy_network(torch.float32)


@pytest.fixture(scope="module")
def file(tmp_path_factory, network):
    path = tmp_path_factory.mktemp("measured") / "invariance.h5"
    return write_file(path, network, noise_batch(3, side=16), LABELS)


@pytest.fixture
def entry(file):
    return {"path": str(file), "network": "toy", "sample_set": "noise"}


def test_the_file_holds_what_the_engine_found(file, network):
    measured = read_invariance(file)
    engine = measurer(network, dtype=torch.float32)
    images = noise_batch(3, side=16)
    for found in engine.run(images, LABELS):
        squares = found.squared_norm
        expected = compared(found.squared_distance, squares, squares[:1])
        for curves, rows in zip(measured.curves, engine.rows.places, strict=True):
            for name, values in expected.items():
                assert np.array_equal(getattr(curves, name)[found.image], values[rows])
            assert np.array_equal(curves.predicted[found.image], found.predicted[rows])
            own = curves.label_probability[found.image]
            assert np.array_equal(own, found.label_probability[rows], equal_nan=True)
        assert np.allclose(measured.clean_norm[found.image] ** 2, squares[0])
    assert [curves.transform for curves in measured.curves] == list(TRANSFORMS)
    assert measured.ids == images.ids
    assert measured.labels == (2, None, 0)
    assert [layer["role"] for layer in measured.layers] == ["bottom", "top"]
    assert len(measured.reference_pairs) == 3
    assert np.isnan(measured.curves[0].label_probability[1]).all()
    assert (measured.reference_relative_distance > 0).all()


def test_relative_distance_and_cosine_are_what_they_are_called():
    generator = np.random.default_rng(0)
    one, other = generator.normal(size=(2, 5, 40))
    found = compared(((one - other) ** 2).sum(1), (other**2).sum(1), (one**2).sum(1))
    for place in range(5):
        norms = np.linalg.norm(one[place]), np.linalg.norm(other[place])
        distance = np.linalg.norm(one[place] - other[place])
        assert found["distance"][place] == pytest.approx(distance, rel=1e-12)
        assert found["relative_distance"][place] == pytest.approx(distance / norms[0], rel=1e-12)
        cosine = one[place] @ other[place] / (norms[0] * norms[1])
        assert found["cosine_similarity"][place] == pytest.approx(cosine, abs=1e-12)


def test_a_feature_of_zeros_has_no_relative_distance():
    found = compared(np.array([4.0, 0.0]), np.array([4.0, 0.0]), np.array([0.0, 9.0]))
    assert found["distance"].tolist() == [2, 0]
    assert np.isnan(found["relative_distance"]).tolist() == [True, False]
    assert np.isnan(found["cosine_similarity"]).all()


def test_equal_runs_give_equal_bytes(tmp_path, file, network):
    again = write_file(tmp_path / "again.h5", network, noise_batch(3, side=16), LABELS)
    assert again.read_bytes() == file.read_bytes()


def test_a_failure_leaves_no_file(tmp_path, network):
    with pytest.raises(UserError, match="class 9"):
        write_file(tmp_path / "invariance.h5", network, noise_batch(1, side=16), [9])
    assert list(tmp_path.iterdir()) == []


def test_one_image_has_no_reference(tmp_path, network):
    path = write_file(tmp_path / "one.h5", network, noise_batch(1, side=16), [None])
    measured = read_invariance(path)
    assert measured.reference_pairs.shape == (0, 2)
    assert measured.reference_distance.shape == (0, 2)


def test_the_tables_say_the_same(tmp_path, entry):
    csv, parquet = tmp_path / "invariance.csv", tmp_path / "invariance.parquet"
    count = write_tables(tabulate_invariance([entry], CLASSES), csv, parquet)
    table, text = read_parquet(parquet), pd.read_csv(csv)
    assert list(table.columns) == list(text.columns) == list(COLUMNS)
    assert len(table) == len(text) == count == 3 * 11 * 2
    for name in COLUMNS:
        if pd.api.types.is_float_dtype(text[name].dtype):
            pd.testing.assert_series_equal(
                table[name].astype(float), text[name].astype(float), rtol=0, atol=0
            )
        else:
            assert table[name].astype("string").fillna("").tolist() == (
                text[name].astype("string").fillna("").tolist()
            )


def test_every_row_of_the_table_is_one_of_the_file(entry):
    table = pd.concat(tabulate_invariance([entry], CLASSES), ignore_index=True)
    measured = read_invariance(entry["path"])
    generator = np.random.default_rng(0)
    for _, row in table.iloc[generator.permutation(len(table))[:25]].iterrows():
        curves = next(c for c in measured.curves if c.transform.name == row["transform"])
        image = measured.ids.index(row["image"])
        amount = curves.transform.amounts.index(row["amount"])
        layer = [entry["role"] for entry in ROLES].index(row["role"])
        place = (image, amount)
        assert row["distance"] == curves.distance[image, amount, layer]
        assert row["relative_distance"] == curves.relative_distance[image, amount, layer]
        assert row["predicted"] == CLASSES["toy"][curves.predicted[place]]
        assert row["predicted_index"] == curves.predicted[place]
        assert row["clean_class_probability"] == curves.clean_class_probability[place]
        assert row["class_held"] == (curves.predicted[place] == measured.clean_class[image])
        if row["image"] == "image_1":
            assert row["label"] is None or pd.isna(row["label"])
            assert np.isnan(row["label_probability"])
        else:
            assert row["label"] == {"image_0": "cat", "image_2": "ant"}[row["image"]]
            assert row["label_probability"] == curves.label_probability[place]


def test_many_files_are_read_one_at_a_time(tmp_path, entry, monkeypatch):
    alive = []

    def watched(path):
        alive.append(path)
        return read_invariance(path)

    monkeypatch.setattr("convscope.invariance.table.read_invariance", watched)
    frames = tabulate_invariance([entry, {**entry, "sample_set": "again"}], CLASSES)
    next(frames)
    assert len(alive) == 1
    rest = list(frames)
    assert len(alive) == 2
    assert rest[-1]["sample_set"].unique().tolist() == ["again"]


@pytest.mark.parametrize("names", [CLASSES["toy"][:4], [*CLASSES["toy"], "fox"]])
def test_another_number_of_class_names_is_refused(entry, names):
    with pytest.raises(UserError, match=f"5 outputs, its class list {len(names)} names"):
        list(tabulate_invariance([entry], {"toy": names}))


def test_batches_of_a_network_are_joined(tmp_path, network, file, entry):
    images = noise_batch(2, side=16, seed=9)
    second = write_file(tmp_path / "second.h5", network, images, [None, 1])
    other = {**entry, "network": "other"}
    files = [entry, other, {**entry, "path": str(second)}]
    toy, single = gather_curves(files)
    assert (toy.network, single.network) == ("toy", "other")
    first, last = read_invariance(file), read_invariance(second)
    assert toy.measured.ids == first.ids + last.ids
    assert toy.measured.labels == (2, None, 0, None, 1)
    for place, curves in enumerate(toy.measured.curves):
        assert np.array_equal(curves.distance[:3], first.curves[place].distance)
        assert np.array_equal(curves.distance[3:], last.curves[place].distance)
    assert toy.measured.reference_pairs[3:].tolist() == (last.reference_pairs + 3).tolist()


def test_batches_that_differ_in_kind_are_not_joined(tmp_path, network, entry):
    transforms = [Transform("rotation", (0.0, 90.0))]
    other = write_file(tmp_path / "other.h5", network, noise_batch(1, side=16), [None], transforms)
    with pytest.raises(UserError, match=r"other\.h5.*layers, transforms or fill"):
        gather_curves([entry, {**entry, "path": str(other)}])


def test_a_file_of_another_layout_is_refused(tmp_path):
    with h5py.File(tmp_path / "old.h5", "w") as stored:
        stored.attrs["schema"] = "invariance/0"
    with pytest.raises(UserError, match=r"old\.h5.*invariance/0"):
        read_invariance(tmp_path / "old.h5")


def test_changes_of_class_are_listed(entry):
    changes = tabulate_changes([entry], CLASSES)
    measured = read_invariance(entry["path"])
    expected = []
    for curves in measured.curves:
        for image, classes in zip(measured.ids, curves.predicted, strict=True):
            for place in range(1, len(classes)):
                if classes[place] != classes[place - 1]:
                    expected.append((image, curves.transform.name, curves.transform.amounts[place]))
    assert expected
    found = changes[["image", "transform", "amount"]].itertuples(index=False, name=None)
    assert list(found) == expected
    assert (changes["class_before"] != changes["class_after"]).all()


def test_drawing_and_tables_need_no_torch():
    modules = ["panel", "overview", "table", "summary", "gather", "layers", "transforms", "boxes"]
    modules += ["signs", "storage", "examples", "style", "bands", "extent", "figure_files"]
    code = "import sys; sys.modules['torch'] = None\n"
    code += "\n".join(f"import convscope.invariance.{name}" for name in modules)
    outcome = subprocess.run(
        [sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, timeout=120
    )
    assert outcome.returncode == 0, outcome.stderr

"""The tidy table from small features.h5 files, against a loop over the same numbers."""

import logging
import math

import numpy as np
import pandas as pd
import pytest

from convscope.errors import UserError
from convscope.hdf5 import create_table, writing
from convscope.predictions import table as module
from convscope.predictions.table import tabulate_predictions

NAMES = {"big": [f"thing {i}" for i in range(7)], "small": ["circle", "square"]}
ORDERS = {
    "sample_sets": ["photographs", "extra"],
    "variants": ["normal", "rotate_180", "corner_occlusion"],
    "networks": ["small", "big"],
}
LABELS = {"a": {"big": 3, "small": None}, "b": {"big": 0, "small": 1}}
TEXTS = {"a": "thing 3", "b": "circle or so"}


def write_features(path, ids, variants, classes, seed=0, change=None):
    generator = np.random.default_rng(seed)
    stored = {}
    with writing(path, "features/1", {"images": {"ids": ids}, "network": {}}) as file:
        for name, indices in variants.items():
            logits = generator.normal(size=(len(indices), classes)).astype(np.float32)
            if change is not None:
                change(logits)
            group = file.create_group(f"variants/{name}")
            create_table(group, "image_index", (len(indices),), "int32")[:] = indices
            create_table(group, "logits", logits.shape, "float32")[:] = logits
            stored.update({(ids[i], name): row for i, row in zip(indices, logits, strict=True)})
    return stored


@pytest.fixture
def experiment(tmp_path):
    """Return settings and, by (sample set, image, variant, network), the logits."""
    plan = [
        ("big", "photographs", ["b", "a"], {"normal": [0, 1], "rotate_180": [1]}, 7),
        ("small", "photographs", ["b", "a"], {"corner_occlusion": [0], "normal": [1, 0]}, 2),
        ("big", "extra", ["a", "c"], {"normal": [0, 1]}, 7),
    ]
    files, logits = [], {}
    for seed, (network, sample_set, ids, variants, classes) in enumerate(plan):
        path = tmp_path / f"{network}-{sample_set}.h5"
        for (image, variant), row in write_features(path, ids, variants, classes, seed).items():
            logits[sample_set, image, variant, network] = row
        files.append({"path": str(path), "network": network, "sample_set": sample_set})
    return files, logits


def tabulate(files, **changes):
    settings = {"labels": LABELS, "label_names": TEXTS, "class_names": NAMES, "top": 5, **ORDERS}
    return tabulate_predictions(files, **{**settings, **changes})


def slow_row(key, row):
    sample_set, image, variant, network = key
    names = NAMES[network]
    exponentials = [math.exp(float(value)) for value in row]
    probabilities = [e / math.fsum(exponentials) for e in exponentials]
    order = sorted(range(len(row)), key=lambda i: (-row[i], i))
    label = LABELS.get(image, {}).get(network)
    expected = {
        "image": image,
        "sample_set": sample_set,
        "label": None if label is None else names[label],
        "network": network,
        "variant": variant,
        "predicted": names[order[0]],
        "predicted_index": order[0],
        "probability": probabilities[order[0]],
        "label_probability": None if label is None else probabilities[label],
        "label_rank": None if label is None else order.index(label) + 1,
    }
    for place in range(5):
        known = place < len(names)
        expected[f"top_{place + 1}_class"] = names[order[place]] if known else None
        expected[f"top_{place + 1}_probability"] = probabilities[order[place]] if known else None
    return expected


def test_rows_equal_a_loop_in_canonical_order(experiment):
    files, logits = experiment
    table = tabulate(files)
    places = {kind: {n: i for i, n in enumerate(names)} for kind, names in ORDERS.items()}
    keys = sorted(
        logits,
        key=lambda k: (
            places["sample_sets"][k[0]],
            k[1],
            places["variants"][k[2]],
            places["networks"][k[3]],
        ),
    )
    assert len(table) == len(keys) == 8
    for found, key in zip(table.to_dict("records"), keys, strict=True):
        expected = slow_row(key, logits[key])
        assert list(found) == list(expected)
        for name, value in expected.items():
            if value is None:
                assert pd.isna(found[name]), (key, name)
            elif isinstance(value, float):
                assert found[name] == pytest.approx(value, rel=1e-12), (key, name)
            else:
                assert found[name] == value, (key, name)


def test_order_of_files_and_chunks_changes_nothing(experiment, monkeypatch):
    files, _ = experiment
    expected = tabulate(files)
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 1)
    pd.testing.assert_frame_equal(tabulate(files[::-1]), expected)


def test_no_files_give_an_empty_table_with_the_same_columns(experiment):
    files, _ = experiment
    assert list(tabulate([]).columns) == list(tabulate(files).columns)


def test_labels_left_out_are_said_once_with_a_count(experiment, caplog):
    with caplog.at_level(logging.WARNING):
        tabulate(experiment[0])
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("1 labels are no class")
    assert "'thing 3' in small" in caplog.messages[0]


def test_nothing_is_said_where_every_label_is_known(experiment, caplog):
    with caplog.at_level(logging.WARNING):
        tabulate(experiment[0], labels={**LABELS, "a": {"big": 3, "small": 0}})
    assert caplog.messages == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_are_refused(tmp_path, bad):
    path = tmp_path / "features.h5"

    def spoil(logits):
        logits[1, 3] = bad

    write_features(path, ["a", "b"], {"normal": [1, 0]}, 7, change=spoil)
    with pytest.raises(UserError, match=r"features\.h5, normal: the logits of image 'a'"):
        tabulate([{"path": str(path), "network": "big", "sample_set": "extra"}])


def test_another_number_of_classes_is_refused(experiment):
    with pytest.raises(UserError, match="7 outputs, its class list 2 names"):
        tabulate(experiment[0], class_names={**NAMES, "big": ["x", "y"]})


def test_an_unconfigured_variant_is_refused(experiment):
    with pytest.raises(UserError, match="variant 'rotate_180'"):
        tabulate(experiment[0], variants=["normal", "corner_occlusion"])


def test_the_same_file_twice_is_refused(experiment):
    with pytest.raises(ValueError, match="image 'a' comes twice"):
        tabulate([*experiment[0], experiment[0][2]])


def test_another_schema_is_refused(tmp_path):
    path = tmp_path / "features.h5"
    with writing(path, "images/1", {}):
        pass
    with pytest.raises(UserError, match="'images/1', not 'features/1'"):
        tabulate([{"path": str(path), "network": "big", "sample_set": "extra"}])

"""train_reference: planned settings in; weights, checkpoints and a history out."""

import csv

import numpy as np
import pytest
from safetensors.numpy import load_file

from glue_jobs import run_script, settings_of

TRAINING = {
    "stages": [{"epochs": 2, "crop": 48, "scenes": 8}],
    "batch_size": 4,
    "held_out": 4,
    "held_out_each_epoch": 2,
}


def train(folder, monkeypatch, **changes):
    folder.mkdir()
    monkeypatch.chdir(folder)
    settings = settings_of(training=TRAINING | changes)
    digest = settings.weights_file("small").split("/")[-2]
    names = {"weights": "weights.safetensors", "checkpoints": "checkpoints.safetensors"}
    names["history"] = "history.tsv"
    outputs = {key: str(folder / "out" / name) for key, name in names.items()}
    run_script(
        "train_reference",
        settings.weights(digest),
        outputs=outputs,
        log=folder / "train.log",
        threads=settings.training_threads(digest),
    )
    return outputs


def test_a_training_leaves_weights_checkpoints_and_history(tmp_path, monkeypatch):
    outputs = train(tmp_path / "first", monkeypatch)
    weights = load_file(outputs["weights"])
    assert weights["features.0.weight"].shape == (4, 3, 3, 3)
    assert all(np.isfinite(value).all() for value in weights.values())
    with open(outputs["history"], newline="") as stream:  # noqa: PTH123
        history = list(csv.DictReader(stream, delimiter="\t"))
    assert len(history) >= 2
    assert load_file(outputs["checkpoints"])
    log = (tmp_path / "first/train.log").read_text()
    assert " INFO done: " in log.splitlines()[-1]


def test_a_training_below_the_wanted_accuracy_is_refused(tmp_path, monkeypatch):
    with pytest.raises(SystemExit) as stop:
        train(tmp_path / "low", monkeypatch, minimum_accuracy=1.0)
    assert stop.value.code == 1
    assert "minimum_accuracy" in (tmp_path / "low/train.log").read_text()
    assert not list((tmp_path / "low").rglob("*.safetensors"))

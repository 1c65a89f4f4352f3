"""Training on scenes: it learns, is repeatable, keeps what was asked and refuses what is wrong."""

import csv

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import binom

from convscope.digests import file_sha256
from convscope.errors import UserError
from convscope.networks.reference import reference_network
from convscope.networks.scene_accuracy import (
    binomial_interval,
    chance_check,
    normalised_scenes,
    scene_accuracy,
)
from convscope.networks.train import one_cycle, train_reference
from convscope.networks.training_data import (
    HELD_OUT_START,
    TRAINING_START,
    held_out_scenes,
    object_window,
    training_windows,
)
from convscope.networks.training_files import kept_epochs, read_checkpoint
from convscope.networks.training_settings import checked, epochs_of
from convscope.scenes.drawing import draw_scene
from convscope.scenes.layout import draw_layout

CPU = torch.device("cpu")
PAIR = ["striped_disc", "chequered_square"]
TINY = {
    "seed": 3,
    "classes": PAIR,
    "widths": [4, 8],
    "hidden": 8,
    "stages": [{"epochs": 2, "crop": 48, "scenes": 12}, {"epochs": 1, "crop": 64, "scenes": 10}],
    "batch_size": 4,
    "learning_rate": 0.01,
    "weight_decay": 0.01,
    "context_cue": 0,
    "held_out": 8,
    "held_out_each_epoch": 4,
    "kept_epochs": [0, 1, 3],
    "minimum_accuracy": 0,
}
FILES = {"output": "weights", "checkpoints": "checkpoints", "log_table": "history"}


def train(folder, **changes):
    folder.mkdir(exist_ok=True)
    paths = {name: folder / file for name, file in FILES.items()}
    return train_reference({**TINY, **changes}, device=CPU, threads=1, **paths)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    train(folder)
    return folder


def test_the_same_bytes_twice_whatever_the_global_random_state(trained, tmp_path):
    torch.manual_seed(99)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    train(tmp_path / "again")
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads
    for name in FILES.values():
        assert file_sha256(tmp_path / "again" / name) == file_sha256(trained / name)


def test_another_seed_gives_another_network(trained, tmp_path):
    train(tmp_path / "other", seed=4)
    assert file_sha256(tmp_path / "other" / "weights") != file_sha256(trained / "weights")


def test_weights_fit_the_network_and_are_float32(trained):
    weights = load_file(trained / "weights")
    network = reference_network(TINY["widths"], 2, TINY["hidden"])
    network.load_state_dict(weights, strict=True)
    assert all(value.dtype == torch.float32 for value in weights.values())


def test_checkpoints_hold_the_kept_epochs_from_first_to_last(trained):
    path = trained / "checkpoints"
    assert kept_epochs(path) == [0, 1, 3]
    states = {epoch: read_checkpoint(path, epoch) for epoch in (0, 1, 3)}
    final = load_file(trained / "weights")
    assert states[3].keys() == final.keys()
    assert all(torch.equal(states[3][name], final[name]) for name in final)
    assert not states[0]["features.0.bias"].any()
    assert not torch.equal(states[0]["features.0.weight"], states[1]["features.0.weight"])
    assert not torch.equal(states[1]["features.0.weight"], states[3]["features.0.weight"])
    with pytest.raises(UserError, match=r"epoch 2 was not kept.*\[0, 1, 3\]"):
        read_checkpoint(path, 2)


def test_the_table_has_a_row_an_epoch(trained):
    with (trained / "history").open() as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert [row["epoch"] for row in rows] == ["0", "1", "2", "3"]
    assert [row["scenes"] for row in rows] == ["0", "12", "24", "34"]
    assert [row["held_out_scenes"] for row in rows] == ["4", "4", "4", "8"]
    assert rows[0]["loss"] == ""
    assert all(float(row["loss"]) > 0 for row in rows[1:])
    assert all(0 <= float(row["accuracy"]) <= 1 for row in rows)


def test_a_few_seconds_of_training_lower_the_loss(tmp_path):
    stages = [{"epochs": 5, "crop": 64, "scenes": 64}]
    train(tmp_path, stages=stages, learning_rate=0.01, kept_epochs=[])
    with (tmp_path / "history").open() as stream:
        losses = [float(row["loss"]) for row in list(csv.DictReader(stream, delimiter="\t"))[1:]]
    assert losses[-1] < 0.7 * losses[0]


def test_below_the_minimum_nothing_is_written_and_the_remedy_is_named(tmp_path):
    with pytest.raises(UserError, match=r"minimum_accuracy.*more epochs"):
        train(tmp_path, minimum_accuracy=1.01)
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_is_not_finite_ends_the_training(tmp_path):
    with pytest.raises(UserError, match=r"learning_rate.*not finite"):
        train(tmp_path, learning_rate=1e30)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ["striped_disc"]}, "training, classes"),
        ({"classes": ["striped_disc", "striped_dog"]}, "striped_dog"),
        ({"stages": []}, "training, stages"),
        ({"stages": [{"epochs": 1, "crop": 300, "scenes": 1}]}, r"stages\[0\].crop"),
        ({"stages": [{"epochs": 1, "crop": 16, "scenes": 1}]}, r"stages\[0\].crop"),
        ({"stages": [{"epochs": 0, "crop": 64, "scenes": 1}]}, r"stages\[0\]"),
        ({"kept_epochs": [4]}, "kept_epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"context_cue": 2}, "context_cue"),
    ],
)
def test_settings_out_of_range_are_refused_by_key(change, message):
    with pytest.raises(UserError, match=message):
        checked({**TINY, **change})


def test_a_missing_setting_is_named():
    with pytest.raises(UserError, match="training, hidden"):
        checked({key: value for key, value in TINY.items() if key != "hidden"})


def test_epochs_are_numbered_and_share_no_scene():
    plan = epochs_of(TINY)
    assert [epoch.number for epoch in plan] == [1, 2, 3]
    assert [epoch.first for epoch in plan] == [0, 12, 24]


def test_windows_show_objects_as_the_whole_scene_does():
    pixels, labels = training_windows(5, 4, 128, seed=3, classes=PAIR)
    assert labels.tolist() == [1, 0, 1, 0]
    for place, label in enumerate(labels):
        index = TRAINING_START + 5 + place
        scene = draw_scene(PAIR[label], index, 3)
        top, left, height, width = object_window(draw_layout(3, index), 128, seed=3, index=index)
        cut = np.s_[top : top + height, left : left + width]
        np.testing.assert_array_equal(pixels[place], scene.pixels[:, *cut])
        assert scene.mask[cut].sum() == scene.mask.sum()


def test_small_windows_lie_on_the_object():
    for index in range(50):
        layout = draw_layout(0, index)
        top, left, side, _ = object_window(layout, 48, seed=0, index=index)
        radius = layout.diameter / 2
        assert layout.row - radius - 1 <= top
        assert top + side <= layout.row + radius + 2
        assert 0 <= left <= 224 - side


def test_held_out_scenes_are_none_that_training_or_ids_know():
    pixels, labels = held_out_scenes(2, seed=3, classes=PAIR)
    assert 999_999 < HELD_OUT_START < TRAINING_START
    np.testing.assert_array_equal(pixels[1], draw_scene(PAIR[1], HELD_OUT_START + 1, 3).pixels)
    assert labels.tolist() == [0, 1]


def test_scenes_are_normalised_by_hand():
    pixels = np.array([0, 128, 255], dtype=np.uint8).reshape(1, 3, 1, 1)
    values = normalised_scenes(pixels, CPU).flatten().tolist()
    assert values == pytest.approx([-2, (128 / 255 - 0.5) / 0.25, 2], abs=1e-6)


def test_accuracy_counts_right_answers():
    class Brightest(torch.nn.Module):
        def forward(self, images):
            return images.mean(dim=(2, 3))

    pixels = np.zeros((5, 3, 4, 4), dtype=np.uint8)
    for place, channel in enumerate([0, 1, 2, 0, 1]):
        pixels[place, channel] = 200
    labels = np.array([0, 1, 2, 1, 0])
    assert scene_accuracy(Brightest(), pixels, labels, device=CPU, batch_size=2) == 0.6


@pytest.mark.parametrize(("trials", "chance"), [(400, 1 / 8), (16, 0.5), (1000, 0.01)])
def test_the_binomial_interval_is_scipys(trials, chance):
    low, high = binomial_interval(trials, chance, 0.99)
    assert (low, high) == tuple(int(end) for end in binom.interval(0.99, trials, chance))


def test_without_objects_a_network_that_saw_none_is_at_chance():
    network = reference_network(TINY["widths"], 2, TINY["hidden"]).eval()
    check = chance_check(network, seed=5, device=CPU, scenes=24, classes=PAIR)
    assert check.is_chance
    assert check.low < 0.5 < check.high
    assert check.scenes == 24


def test_the_rate_rises_then_falls_to_nothing():
    rates = [one_cycle(step / 100) for step in range(101)]
    peak = int(np.argmax(rates))
    assert 0 < peak < 20
    assert rates[peak] == pytest.approx(1)
    assert all(np.diff(rates[: peak + 1]) > 0)
    assert all(np.diff(rates[peak:]) < 0)
    assert rates[-1] == pytest.approx(0, abs=1e-9)

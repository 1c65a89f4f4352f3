"""The score on scenes by hand, and a trained network's projections against their control."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import bootstrap

from convscope.deconvnet.concentration import concentration, relative_concentration
from convscope.networks.training_files import read_checkpoint, save_weights

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
SCENES = 200
UPPER = ("conv3_2", "conv4_1", "conv4_2")
CHEAP = {
    "classes": ["striped_disc", "chequered_square", "dotted_triangle", "ringed_star"],
    "widths": [8, 16, 24, 32],
    "hidden": 32,
    "stages": [
        {"epochs": 4, "crop": 72, "scenes": 600},
        {"epochs": 2, "crop": 112, "scenes": 200},
    ],
    "learning_rate": 0.003,
    "held_out": 4,
    "held_out_each_epoch": 1,
    "kept_epochs": [0],
    "minimum_accuracy": 0,
    "threads": 1,
}


def test_it_is_the_share_inside_the_mask_over_the_masks_share_of_the_box():
    random = np.random.default_rng(0)
    pixels = random.normal(size=(3, 4, 5))
    mask = np.zeros((9, 9), dtype=bool)
    mask[3:6, 0:4] = True
    box = (2, 1, 6, 6)
    inside = total = area = 0.0
    for row in range(4):
        for column in range(5):
            energy = sum(pixels[c, row, column] ** 2 for c in range(3))
            total += energy
            if mask[row + 2, column + 1]:
                inside += energy
                area += 1

    assert concentration(pixels, mask, box) == pytest.approx(inside / total / (area / 20))
    assert concentration(-1e5 * pixels, mask, box) == pytest.approx(inside / total / (area / 20))


def test_even_projections_score_one_and_those_on_the_object_most():
    mask = np.zeros((8, 8), dtype=bool)
    mask[:4, :2] = True
    box = (0, 0, 8, 8)

    assert concentration(np.full((3, 8, 8), -2.0), mask, box) == pytest.approx(1)
    assert concentration(np.where(mask, 3.0, 0.0)[None], mask, box) == pytest.approx(8)
    assert concentration(np.where(mask, 0.0, 3.0)[None], mask, box) == 0
    assert concentration(np.where(mask, 3.0, 0.0)[None, :4, :2], mask, (0, 0, 4, 2)) == 1


@pytest.mark.parametrize(
    ("scale", "dtype"), [(6e4, np.float16), (1e30, np.float32), (1e-30, np.float32)]
)
def test_squares_beyond_the_range_of_the_type_do_no_harm(scale, dtype):
    mask = np.array([[True, False]])

    found = concentration(np.full((3, 1, 2), scale, dtype=dtype), mask, (0, 0, 1, 2))

    assert found == pytest.approx(1)


def test_zero_projections_and_boxes_without_the_object_have_no_score():
    mask = np.zeros((6, 6), dtype=bool)
    mask[5, 5] = True

    assert concentration(np.zeros((3, 6, 6)), mask, (0, 0, 6, 6)) is None
    assert concentration(np.ones((3, 5, 5)), mask, (0, 0, 5, 5)) is None
    assert concentration(np.ones((3, 0, 0)), mask, (0, 0, 0, 0)) is None
    with pytest.raises(ValueError, match="for a box of"):
        concentration(np.ones((3, 5, 5)), mask, (0, 0, 6, 6))


def test_units_are_compared_with_their_controls_by_the_ratio_of_means():
    own, control = np.array([[2.0, 4.0], [1.0, 1.0]]), np.array([[1.0, 2.0], [2.0, 2.0]])

    np.testing.assert_allclose(relative_concentration(own, control), [2.0, 0.5])
    np.testing.assert_allclose(relative_concentration(own.T, control.T, axis=0), [2.0, 0.5])


@pytest.fixture(scope="module")
def benchmark():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        before = set(sys.modules)
        import concentration as module

        yield module
        for name in set(sys.modules).intersection({"concentration", "measuring"}) - before:
            del sys.modules[name]


@pytest.fixture(scope="module")
def networks(benchmark, tmp_path_factory):
    """Return the weights of a cheaply trained network, and its weights before the training."""
    folder = tmp_path_factory.mktemp("trained")
    settings = benchmark.default_settings() | CHEAP
    trained = benchmark.train(dict(settings), folder)
    untrained = folder / "untrained.safetensors"
    save_weights(untrained, read_checkpoint(folder / "checkpoints", 0), settings)
    return SimpleNamespace(trained=trained, untrained=untrained)


def scores(benchmark, weights, count):
    projector, layers, classes = benchmark.load_projector(weights)
    chosen = {layer: common for layer, common in layers.items() if common in UPPER}
    scenes = benchmark.held_out(count, 1, classes)
    with benchmark.computing(1):
        found = benchmark.score_scenes(projector, scenes, list(chosen))
    return {chosen[layer]: values for layer, values in found.items()}


def test_projections_of_upper_convolutions_lie_on_the_object_more_than_their_controls(
    benchmark, networks
):
    trained = scores(benchmark, networks.trained, SCENES)
    untrained = scores(benchmark, networks.untrained, SCENES // 4)

    for layer in UPPER:
        found = benchmark.figures_of(trained[layer])
        before = benchmark.figures_of(untrained[layer])
        assert found["scenes"] >= 0.95 * SCENES
        # Even another channel's lies on the object: the place and the switches see to that.
        assert found["concentration"] > found["control"] > 1
        assert found["ratio_low"] > 1
        # What is left belongs to what was learned: without training there is no difference.
        assert abs(before["ratio"] - 1) < 0.03
        assert found["ratio_low"] > before["ratio_high"]


def test_the_interval_is_a_paired_one(benchmark):
    random = np.random.default_rng(0)
    control = random.uniform(1, 9, SCENES)
    own = control * random.normal(1.02, 0.01, SCENES)
    share = np.full(SCENES, 0.5)

    found = benchmark.figures_of(np.stack([own, control, share], 1))
    again = benchmark.figures_of(np.stack([own, control, share], 1))
    gaps = np.array([[np.nan, 1, 1], [1, np.nan, 1]])
    undefined = benchmark.figures_of(np.concatenate([gaps, np.stack([own, control, share], 1)]))

    assert found == again == undefined
    assert 1.01 < found["ratio_low"] < found["ratio"] < found["ratio_high"] < 1.03
    unpaired = bootstrap((own, control), relative_concentration, rng=1, n_resamples=500)
    assert unpaired.confidence_interval.low < 1

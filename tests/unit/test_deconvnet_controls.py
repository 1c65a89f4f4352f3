"""Storage of projections, choice of channels, similarity and the controls."""

import numpy as np
import pytest
import torch
from scipy.stats import rankdata, spearmanr
from torch import nn

from convscope.deconvnet import controls
from convscope.deconvnet.controls import CONTROLS, measure_controls
from convscope.deconvnet.program import program_of, randomised
from convscope.deconvnet.project import Projector
from convscope.deconvnet.seeds import Unit
from convscope.deconvnet.select import strongest
from convscope.deconvnet.similarity import Similarity, compare, median, prepare, ranked, ssim
from convscope.deconvnet.storage import restore, store
from convscope.errors import UserError

SIZE = (32, 32)


@pytest.mark.parametrize("scale", [6e5, 3e38, 1.0, 1e-6, 1e-30])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_storage_keeps_projections_of_any_scale(scale, dtype):
    pixels = np.random.default_rng(0).uniform(-1, 1, (3, 9, 7)) * scale

    stored, factor = store(pixels, dtype)
    again = restore(stored, factor)

    assert stored.dtype == dtype
    assert factor.dtype == np.float32
    assert again.dtype == np.float32
    assert np.isfinite(stored).all()
    assert np.abs(again - pixels).max() < 1e-3 * np.abs(pixels).max()


def test_a_zero_projection_is_stored_as_zero_and_nan_is_refused():
    stored, scale = store(np.zeros((3, 2, 2)))

    assert scale == 0
    assert not restore(stored, scale).any()
    assert store(np.zeros((3, 0, 0)))[0].shape == (3, 0, 0)
    for bad in (np.nan, np.inf, 1e39):
        with pytest.raises(ValueError, match="NaN, or a value beyond float32"):
            store(np.array([[[bad]]]))


def test_the_strongest_channels_come_first_and_ties_by_channel():
    values = np.array([0.0, 3.0, -1.0, 5.0, 3.0], dtype=np.float32)
    positions = np.array([[0, 0], [1, 2], [3, 4], [5, 6], [7, 8]], dtype=np.int16)

    chosen = strongest(values, positions, 4, "features.3")

    assert [(c.channel, c.peak, c.row, c.column) for c in chosen] == [
        (3, 5.0, 5, 6),
        (1, 3.0, 1, 2),
        (4, 3.0, 7, 8),
        (0, 0.0, 0, 0),
    ]


@pytest.mark.parametrize("top", [0, 4])
def test_more_channels_than_there_are_and_nan_are_refused(top):
    with pytest.raises(UserError, match=r"features\.3: .*it has 3.*from 1 to 3"):
        strongest(np.ones(3), np.zeros((3, 2)), top, "features.3")
    with pytest.raises(UserError, match="peak of channel 1 is NaN"):
        strongest(np.array([1.0, np.nan]), np.zeros((2, 2)), 1, "features.3")


def slow_ssim(first, second):
    height, width = first.shape
    total = 0.0
    for row in range(height):
        for column in range(width):
            weights, a, b = [], [], []
            for y in range(max(0, row - 5), min(height, row + 6)):
                for x in range(max(0, column - 5), min(width, column + 6)):
                    distance = (y - row) ** 2 + (x - column) ** 2
                    weights.append(np.exp(-distance / (2 * 1.5**2)))
                    a.append(first[y, x])
                    b.append(second[y, x])
            w = np.array(weights) / sum(weights)
            mean_a, mean_b = (w * a).sum(), (w * b).sum()
            var_a, var_b = (w * (a - mean_a) ** 2).sum(), (w * (b - mean_b) ** 2).sum()
            shared = (w * (a - mean_a) * (b - mean_b)).sum()
            total += ((2 * mean_a * mean_b + 1e-4) * (2 * shared + 9e-4)) / (
                (mean_a**2 + mean_b**2 + 1e-4) * (var_a + var_b + 9e-4)
            )
    return total / (height * width)


@pytest.mark.parametrize("shape", [(3, 3), (14, 9), (1, 5)])
def test_ssim_is_that_of_a_slow_loop(shape):
    random = np.random.default_rng(4)
    first, second = random.uniform(size=shape), random.uniform(size=shape)

    assert ssim(first, second) == pytest.approx(slow_ssim(first, second), abs=1e-12)
    assert ssim(first, first) == pytest.approx(1.0)


def test_ssim_is_scikit_images_away_from_the_border():
    metrics = pytest.importorskip("skimage.metrics")
    random = np.random.default_rng(4)
    first = np.zeros((60, 50))
    first[20:40, 20:30] = random.uniform(size=(20, 10))
    second = first + 0.1 * np.roll(first, 1, 0)

    _, expected = metrics.structural_similarity(
        first, second, data_range=1.0, gaussian_weights=True, use_sample_covariance=False, full=True
    )

    assert ssim(first, second) == pytest.approx(expected.mean(), abs=1e-9)


@pytest.mark.parametrize("levels", [3, 10_000])
def test_spearman_is_scipys_with_ties(levels):
    random = np.random.default_rng(0)
    first, second = random.integers(0, levels, (2, 3, 8, 5)).astype(float)

    np.testing.assert_array_equal(ranked(first.ravel()), rankdata(first.ravel()))
    expected = spearmanr(first.ravel(), second.ravel()).statistic
    found = compare(prepare(first), prepare(second)).spearman
    assert found == pytest.approx(expected, abs=1e-12)


def test_similarity_ignores_sign_and_scale_and_is_undefined_for_constants():
    random = np.random.default_rng(0)
    pixels = random.normal(size=(3, 12, 9))

    same = compare(prepare(pixels), prepare(-7.0 * pixels))

    assert same.ssim == pytest.approx(1.0)
    assert same.spearman == pytest.approx(1.0)
    assert compare(prepare(pixels), prepare(np.zeros((3, 12, 9)))) == Similarity(None, None)
    assert compare(prepare(np.ones((3, 1, 1))), prepare(pixels[:, :1, :1])).ssim is None


def test_the_median_is_over_what_is_defined():
    found = [Similarity(0.1, None), Similarity(None, None), Similarity(0.5, None)]

    assert median(found) == Similarity(pytest.approx(0.3), None)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return (
        nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 6, 3),
            nn.ReLU(inplace=True),
            nn.Flatten(),
            nn.Linear(6 * 36, 4),
        )
        .double()
        .eval()
        .requires_grad_(False)
    )


@pytest.fixture
def image():
    return torch.randn(1, 3, *SIZE, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


UNITS = [Unit("4", 2, 5, 6), Unit("7", 1, 3, 3), Unit("7", 5, 0, 5)]


def substituted(network, program):
    """Return the network with the weights of a program."""
    import copy

    other = copy.deepcopy(network)
    for step in program.steps:
        if step.module is not None:
            module = other.get_submodule(step.place)
            for name, tensor in step.tensors.items():
                getattr(module, name).data.copy_(tensor)
    return other


def examples(projector, image, units):
    """Return the projections of seed 3 by control, in the order of the units."""
    measured = measure_controls(projector, image, units, range(3, 12))
    return {name: [controlled.examples[name] for controlled in measured] for name in CONTROLS}


def test_each_control_is_what_its_definition_says(network, image):
    projector = Projector(network, image_size=SIZE)
    tape = projector.record(image, ["4", "7"])

    found = examples(projector, image, UNITS)

    program = projector.program
    places = [p for p in program.below(["7"]) if program.steps[p].kind in controls.RANDOMISED]
    random = substituted(network, randomised(program, places, torch.Generator().manual_seed(3)))
    with_own_switches = Projector(random, image_size=SIZE)
    own_tape = with_own_switches.record(image, ["4", "7"])
    expected = {
        "random_weights": with_own_switches.project(tape, UNITS, seed=1.0),
        "random_weights_and_switches": with_own_switches.project(own_tape, UNITS, seed=1.0),
    }
    for name, projections in expected.items():
        for control, projection, unit in zip(found[name], projections, UNITS, strict=True):
            assert control.unit == unit
            assert control.activation == 1.0
            np.testing.assert_array_equal(control.pixels, projection.pixels)
    own = projector.project(tape, UNITS, seed=1.0)
    for clean, other, unit in zip(own, found["other_channel"], UNITS, strict=True):
        assert (other.unit.layer, other.unit.position) == (unit.layer, unit.position)
        assert other.unit.channel != unit.channel
        assert other.box == clean.box
    first, second = (found[name][1].pixels for name in CONTROLS[1:])
    assert not np.array_equal(first, second)


def test_weights_above_a_unit_do_not_matter_to_its_controls(network, image):
    projector = Projector(network, image_size=SIZE)

    together = examples(projector, image, UNITS)
    alone = examples(projector, image, UNITS[:1])

    for name in CONTROLS:
        np.testing.assert_allclose(
            together[name][0].pixels, alone[name][0].pixels, rtol=1e-12, atol=1e-12
        )


def test_controls_are_measured_over_at_least_nine_seeds(network, image):
    projector = Projector(network, image_size=SIZE)

    measured = measure_controls(projector, image, UNITS, range(9))
    again = measure_controls(projector, image, UNITS[::-1], range(9))

    for unit, controlled in zip(UNITS, measured, strict=True):
        assert controlled.projection.unit == unit
        assert set(controlled.examples) == set(controlled.similarities) == set(CONTROLS)
        assert {len(found) for found in controlled.similarities.values()} == {9}
        for found in controlled.similarities.values():
            value = median(found)
            assert value.ssim is None or -1 <= value.ssim < 0.999
    for name in CONTROLS:
        # The order of the units decides nothing.
        first, last = (median(c.similarities[name]) for c in (measured[0], again[-1]))
        assert first.spearman == pytest.approx(last.spearman, abs=1e-9)
    with pytest.raises(UserError, match="8 seeds are too few"):
        measure_controls(projector, image, UNITS, range(8))


def test_random_weights_keep_mean_and_spread_and_leave_the_network_alone(network):
    program = program_of(network, SIZE)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    other = randomised(program, [1, 2], torch.Generator().manual_seed(0))
    equal = randomised(program, [1, 2], torch.Generator().manual_seed(0))

    weight = other.steps[1].tensors["weight"]
    assert not torch.equal(weight, program.steps[1].tensors["weight"])
    assert torch.equal(weight, equal.steps[1].tensors["weight"])
    assert weight.std() == pytest.approx(float(network[0].weight.std()), rel=0.2)
    variances = other.steps[2].tensors["running_var"]
    assert torch.equal(variances.sort().values, network[1].running_var.sort().values)
    assert other.steps[5] is program.steps[5]
    assert all(torch.equal(tensor, before[n]) for n, tensor in network.state_dict().items())

"""What maps mean: a network that looks at one place, Captum's values, and remarks."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from convscope.occlusion.grid import Grid
from convscope.occlusion.maps import maps_of
from convscope.occlusion.occlude import Occlusion
from convscope.occlusion.occluders import occluder_of
from convscope.occlusion.responses import Responses
from convscope.occlusion.scores import localisation
from occlusion_toys import MEAN, STD, Net, random_network, settled, sharpened

TORCH_FREE = ("coarse", "grid", "maps", "occluders", "responses", "scores", "storage")


def looking_at(row, column, side=64, size=4):
    """Return a network that answers 1 by the brightness of one small place alone."""
    conv = nn.Conv2d(3, 2, size, size, bias=False)
    linear = nn.Linear(2 * (side // size) ** 2, 2)
    network = nn.Sequential(conv, nn.ReLU(), nn.Flatten(), linear).eval().double()
    with torch.no_grad():
        conv.weight.fill_(1 / size**2)
        linear.weight.zero_()
        linear.bias.zero_()
        linear.weight[1, (row // size) * (side // size) + column // size] = 3.0
    return network


@pytest.mark.parametrize(("row", "column"), [(28, 36), (20, 24), (36, 28)])
@pytest.mark.parametrize(("patch", "stride"), [(9, 3), (16, 5), (12, 8)])
def test_a_planted_place_is_found_within_half_a_stride(row, column, patch, stride):
    occluder = occluder_of({"name": "a", "patch": patch, "stride": stride})
    sliding = Occlusion(
        looking_at(row, column),
        occluder,
        mean=(0, 0, 0),
        std=(1, 1, 1),
        image_size=(64, 64),
    )
    image = np.full((3, 64, 64), 200, np.uint8)
    maps = sliding.maps(image, 1)
    drops = maps.drops()
    # The place is 4 x 4 pixels: its centre is at + 1.5.
    for axis, truth in enumerate((row + 1.5, column + 1.5)):
        profile = drops.sum(1 - axis)
        centre = (profile * maps.grid.centres(axis)).sum() / profile.sum()
        assert abs(centre - truth) <= stride / 2
    mask = np.zeros((64, 64), bool)
    mask[row : row + 4, column : column + 4] = True
    assert localisation(drops, maps.grid, mask).share_over_uniform > 2


def coarse_network():
    torch.manual_seed(2)
    relu = nn.ReLU()
    parts = [nn.Conv2d(3, 8, 7, 4), relu, nn.MaxPool2d(3, 2), nn.Conv2d(8, 8, 3), relu]
    return settled(Net(parts, (224, 224)))


@pytest.mark.parametrize(("architecture", "patch"), [("toy", 32), ("alexnet", 56)])
def test_values_equal_captum_where_windows_are_the_same(architecture, patch):
    from captum.attr import Occlusion as Captum

    image = np.random.default_rng(3).integers(0, 256, (3, 224, 224), dtype=np.uint8)
    mean, std = (torch.tensor(v).double().view(1, 3, 1, 1) for v in (MEAN, STD))
    clean = (torch.from_numpy(image).double()[None] / 255 - mean) / std
    toy = architecture == "toy"
    network = coarse_network() if toy else random_network(architecture, dtype=torch.float64)
    network = sharpened(network, clean)
    label = int(network(clean)[0].argmax())

    occluder = occluder_of({"name": "a", "patch": patch, "stride": patch})
    maps = Occlusion(network, occluder, mean=MEAN, std=STD, method="exact").maps(image, label)
    captum = Captum(lambda x: network(x).softmax(1)).attribute(
        clean,
        sliding_window_shapes=(3, patch, patch),
        strides=(3, patch, patch),
        baselines=((0 - mean) / std).expand_as(clean),
        target=label,
        perturbations_per_eval=8,
    )
    expected = captum[0, 0, ::patch, ::patch].numpy()
    assert maps.grid.shape == (224 // patch, 224 // patch)
    # Captum answers in float32, whatever it is asked in.
    assert expected.dtype == np.float32
    assert np.abs(maps.drops() - expected).max() < 1e-8
    assert np.abs(expected).max() > 1e-3


def responses(logits, clean, activity=None):
    positions = Grid((8, 8), (4, 4), (4, 4)).positions()[: len(logits)]
    return Responses(positions, np.array(clean), np.array(logits), None, None, activity)


GRID = Grid((8, 8), (4, 4), (4, 4))


def test_maps_of_some_positions_leave_the_others_open():
    maps = maps_of(responses([[0.0, 1.0], [3.0, 1.0]], [2.0, 0.0]), GRID, None, "exact")
    assert maps.evaluated.tolist() == [[True, True], [False, False]]
    assert maps.class_map.tolist() == [[1, 0], [-1, -1]]
    assert np.isnan(maps.probabilities[0]).all()
    assert maps.probabilities[1, 0].tolist() == pytest.approx([0.268941, 0.880797], abs=1e-6)
    assert np.isnan(maps.probabilities[1, 1]).all()
    assert maps.margin[0].tolist() == pytest.approx([0.462117, 0.761594], abs=1e-6)
    assert np.isnan(maps.activity).all()
    assert maps.drops("top")[0, 0] == pytest.approx(0.880797 - 0.268941, abs=1e-6)


def test_log_odds_do_not_end_where_float32_does():
    maps = maps_of(responses([[0.0, 40.0, -3.0], [90.0, 0.0, 0.0]], [0.0, 60.0, 0.0]), GRID, 1, "a")
    others = np.logaddexp(0.0, -3.0)
    assert maps.log_odds[0, 0].tolist() == pytest.approx([40 - others, -np.logaddexp(90, 0)])
    assert maps.clean_log_odds == pytest.approx((60 - np.log(2),) * 2)
    assert np.float32(maps.probabilities[0, 0, 0]) == 1
    without = maps_of(responses([[0.0, 40.0]], [0.0, 60.0]), GRID, None, "exact")
    assert np.isnan(without.clean_log_odds[0])
    assert without.log_odds[1, 0, 0] == 40


def test_readers_are_told_what_a_map_cannot_show():
    every = [[0.0, 30.0]] * 4
    assert maps_of(responses(every, [0.0, 30.0]), GRID, 1, "exact").remarks() == []
    (faint,) = maps_of(responses(every, [0.0, 30.0]), GRID, 0, "exact").remarks()
    assert "probability of its class is already 9.4e-14" in faint
    missing, partly = maps_of(responses(every[:3], [0.0, 30.0]), GRID, None, "exact").remarks()
    assert "does not have the image's class" in missing
    assert "3 of 4 positions were computed" in partly
    one = Grid((8, 8), (8, 8), (4, 4))
    (single,) = maps_of(responses(every[:1], [0.0, 1.0]), one, 1, "exact").remarks()
    assert "one position only" in single


def test_what_drawing_needs_does_without_torch():
    modules = ", ".join(f"convscope.occlusion.{name}" for name in TORCH_FREE)
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    scripts = Path(__file__).resolve().parents[2] / "scripts"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, cwd=scripts, check=False).returncode == 0

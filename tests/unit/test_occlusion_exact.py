"""The incremental engine against one forward pass a position, in float64."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from convscope.errors import UserError
from convscope.occlusion.grid import Grid
from convscope.occlusion.occlude import Occlusion
from convscope.occlusion.occluders import occluder_of
from occlusion_toys import (
    Fire,
    Net,
    Residual,
    fast_layers,
    incrementally,
    inputs,
    plainly,
    random_network,
    settled,
)

TOLERANCE = 1e-10
SIZE = (33, 30)


def parts(kind):
    """Return modules that stress one thing each."""
    relu, pool = nn.ReLU(inplace=True), nn.MaxPool2d(2)
    torch.manual_seed(7)
    return {
        "plain": [
            nn.Conv2d(3, 6, 3, padding=1),
            relu,
            nn.Conv2d(6, 6, 3, padding=1),
            relu,
            pool,
            nn.Conv2d(6, 7, 3, padding=1),
            relu,
        ],
        "odd kernels": [nn.Conv2d(3, 6, (5, 2), (2, 1), (1, 2)), nn.Conv2d(6, 6, (1, 4)), relu],
        "same padding": [nn.Conv2d(3, 4, 4, padding="same"), nn.Conv2d(4, 4, 3, padding="valid")],
        "dilation": [
            nn.Conv2d(3, 6, 3, padding=4, dilation=(2, 4)),
            relu,
            nn.Conv2d(6, 6, 3, 2, 2, dilation=2),
            relu,
            pool,
        ],
        "groups": [
            nn.Conv2d(3, 6, 3, groups=3),
            relu,
            nn.Conv2d(6, 8, 1, groups=2),
            relu,
            nn.Conv2d(8, 8, 3, padding=1, groups=8),
        ],
        "overlapping ceil pools": [
            nn.Conv2d(3, 6, 7, 2),
            relu,
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.Conv2d(6, 6, 3, padding=1),
            nn.MaxPool2d(3, 2, 1, ceil_mode=True),
            nn.MaxPool2d(2, 1, dilation=2),
        ],
        "averages": [
            nn.Conv2d(3, 5, 3),
            nn.AvgPool2d(3, 2, 1, ceil_mode=True),
            relu,
            nn.AvgPool2d(2, 2, 1, count_include_pad=False),
            nn.AvgPool2d(2, 1, divisor_override=3),
            nn.AdaptiveAvgPool2d((3, 5)),
        ],
        "batch normalisation": [
            nn.BatchNorm2d(3),
            nn.Conv2d(3, 6, 3, bias=False),
            nn.BatchNorm2d(6),
            relu,
            nn.Conv2d(6, 6, 1),
            nn.BatchNorm2d(6),
            pool,
        ],
        "fires": [nn.Conv2d(3, 6, 3, 2), relu, Fire(6, False), pool, Fire(8, True), nn.Dropout()],
        "residuals": [nn.Conv2d(3, 6, 3), Residual(6), Residual(6, 2), nn.AdaptiveAvgPool2d(1)],
        "no convolution": [nn.MaxPool2d(3, 1, 1), nn.ReLU(), nn.AvgPool2d(4)],
    }[kind]


GRIDS = [
    Grid(SIZE, (12, 12), (5, 5)),
    Grid(SIZE, (1, 1), (13, 7)),
    Grid(SIZE, (24, 5), (1, 11)),
    Grid(SIZE, SIZE, (5, 5)),
]


@pytest.mark.parametrize(
    "kind",
    [
        "plain",
        "odd kernels",
        "same padding",
        "dilation",
        "groups",
        "overlapping ceil pools",
        "averages",
        "batch normalisation",
        "fires",
        "residuals",
        "no convolution",
    ],
)
def test_every_operation_at_every_position_of_any_patch(kind):
    network = settled(Net(parts(kind), SIZE))
    clean, fill = inputs(SIZE)
    for grid in GRIDS:
        positions = grid.positions()
        expected = plainly(network, grid, positions, clean, fill)
        found = incrementally(network, grid, positions, clean, fill)
        assert np.abs(found.logits - expected).max() <= TOLERANCE * np.abs(expected).max()
        assert found.clean_logits == pytest.approx(network(clean)[0].numpy(), rel=TOLERANCE)
        # Whatever is wrong would not show if nothing moved.
        assert np.ptp(expected, 0).max() > 1e-4 or len(positions) == 1


@pytest.mark.parametrize("kind", ["plain", "fires", "residuals"])
def test_fast_convolutions_make_no_difference_in_float64(kind):
    network = settled(Net(parts(kind), SIZE))
    fast = fast_layers(network)
    assert fast
    clean, fill = inputs(SIZE)
    for grid in GRIDS:
        positions = grid.positions()[::2]
        expected = plainly(network, grid, positions, clean, fill)
        found = incrementally(network, grid, positions, clean, fill, fast)
        assert np.abs(found.logits - expected).max() <= TOLERANCE * np.abs(expected).max()


@st.composite
def random_parts(draw):
    """Draw modules that fit an image of 26 x 23 pixels."""
    modules, channels, size = [], 3, [26, 23]
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["conv", "max", "average", "fire", "residual", "norm"]))
        kernel = [draw(st.integers(1, min(5, side))) for side in size]
        stride = [draw(st.integers(1, 3)) for _ in size]
        padding = [draw(st.integers(0, k // 2)) for k in kernel]
        ceil = draw(st.booleans())
        if kind == "conv":
            dilation = [
                draw(st.integers(1, 3)) if 3 * (k - 1) < side else 1
                for k, side in zip(kernel, size, strict=True)
            ]
            groups = draw(st.sampled_from([g for g in (1, 2, 3) if channels % g == 0]))
            out = 2 * groups * draw(st.integers(1, 2))
            made = nn.Conv2d(channels, out, kernel, stride, padding, dilation, groups)
        elif kind == "max":
            made = nn.MaxPool2d(kernel, stride, padding, ceil_mode=ceil)
        elif kind == "average":
            made = nn.AvgPool2d(kernel, stride, padding, ceil, draw(st.booleans()))
        elif kind == "norm":
            made = nn.BatchNorm2d(channels)
        else:
            made = Fire(channels, ceil) if kind == "fire" else Residual(channels, stride[0])
        modules += [made, nn.ReLU()] if draw(st.booleans()) else [made]
        with torch.no_grad():
            shape = nn.Sequential(*modules).eval()(torch.zeros(1, 3, 26, 23)).shape
        channels, size = shape[1], list(shape[2:])
    return modules


@settings(max_examples=25, deadline=None, derandomize=True)
@given(random_parts(), st.integers(1, 23), st.integers(1, 26), st.integers(1, 9), st.data())
def test_random_networks(modules, width, height, stride, data):
    grid = Grid((26, 23), (height, width), (stride, stride))
    every = grid.positions()
    chosen = data.draw(st.sets(st.integers(0, len(every) - 1), min_size=1, max_size=6))
    positions = every[sorted(chosen)]
    network = settled(Net(modules, grid.image))
    clean, fill = inputs(grid.image)
    expected = plainly(network, grid, positions, clean, fill)
    for fast in ((), fast_layers(network)):
        found = incrementally(network, grid, positions, clean, fill, fast)
        assert np.abs(found.logits - expected).max() <= TOLERANCE * np.abs(expected).max()


@pytest.mark.parametrize(
    ("architecture", "size", "patches"),
    [
        ("alexnet", 224, [(50, 5), (16, 7), (1, 1), (224, 5)]),
        ("squeezenet1_0", 224, [(50, 5)]),
        ("squeezenet1_0", 79, [(16, 7), (1, 1), (79, 5)]),
        ("vgg16", 64, [(16, 7), (50, 5), (1, 1), (64, 1)]),
        ("vgg19", 48, [(16, 5), (1, 7), (48, 5)]),
        ("resnet18", 64, [(1, 7), (30, 5)]),
    ],
)
def test_torchvision_networks(architecture, size, patches):
    network = random_network(architecture, dtype=torch.float64)
    clean, fill = inputs((size, size))
    for patch, stride in patches:
        grid = Grid((size, size), (patch, patch), (stride, stride))
        every = grid.positions()
        positions = every[np.unique([0, 3 * len(every) // 7, len(every) - 1])]
        expected = plainly(network, grid, positions, clean, fill)
        found = incrementally(network, grid, positions, clean, fill)
        assert np.abs(found.logits - expected).max() <= TOLERANCE * np.abs(expected).max()


def test_chunks_and_the_order_of_positions_do_not_matter():
    network = settled(Net(parts("plain"), SIZE))
    clean, fill = inputs(SIZE)
    grid = GRIDS[0]
    positions = grid.positions()
    together = incrementally(network, grid, positions, clean, fill)
    apart = incrementally(network, grid, positions[::-1].copy(), clean, fill, memory=60_000)
    assert np.abs(together.logits - apart.logits[::-1]).max() < 1e-12
    assert np.abs(together.activity - apart.activity[::-1]).max() < 1e-9
    assert together.channel == apart.channel


def test_networks_that_no_engine_knows_are_refused():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GELU(), nn.Flatten(), nn.LazyLinear(2)).eval()
    network(torch.zeros(1, 3, *SIZE))
    occluder = occluder_of({"name": "a", "patch": 9}, SIZE)
    options = {"mean": (0, 0, 0), "std": (1, 1, 1), "image_size": SIZE}
    with pytest.raises(UserError, match="GELU"):
        Occlusion(network, occluder, **options)
    with pytest.raises(UserError, match="is a map, not a vector of logits"):
        Occlusion(network[:1], occluder, **options)

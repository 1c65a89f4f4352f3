"""What must be invariant is, to rounding; what must not be is measurably not."""

import numpy as np
import pytest
import torch
from torch import nn

from convscope.invariance.transforms import Transform
from invariance_toys import distances

LEVELS = {"black": (0, 0, 0), "grey": (128, 128, 128), "mean": (102, 51, 153)}
MEAN = tuple(level / 255 for level in LEVELS["mean"])
SIDE = 72


def convolution(channels, stride, generator):
    layer = nn.Conv2d(channels, 4, 3, stride=stride, padding=1).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.5, generator=generator)
    return layer


def pooled_network(*, stride):
    """Return convolutions of total stride 1 or 4, then a global average and a linear layer."""
    generator = torch.Generator().manual_seed(7)
    layers = [convolution(3, 2 if stride == 4 else 1, generator), nn.ReLU(inplace=True)]
    if stride == 4:
        layers.append(nn.MaxPool2d(2, 2))
    layers += [convolution(4, 1, generator), nn.ReLU(inplace=True)]
    maps = len(layers) - 1
    linear = nn.Linear(4, 3).double()
    nn.init.normal_(linear.weight, generator=generator)
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear]
    network = nn.Sequential(*layers).eval().requires_grad_(False)
    return network, [str(maps), str(maps + 1)]


def object_on(background):
    """Return an image ``(1, 3, SIDE, SIDE)`` with a noisy object far from the border."""
    pixels = np.empty((1, 3, SIDE, SIDE), np.uint8)
    pixels[:] = np.array(background).reshape(3, 1, 1)
    noise = np.random.default_rng(3).integers(0, 256, (3, 17, 13), np.uint8)
    pixels[0, :, 28:45, 30:43] = noise
    return pixels


SHIFTS = (-12.0, -8.0, -7.0, -4.0, -2.0, -1.0, 0.0, 1.0, 3.0, 4.0, 6.0, 8.0, 12.0)


@pytest.mark.parametrize("direction", ["vertical_translation", "horizontal_translation"])
@pytest.mark.parametrize("fill", LEVELS)
def test_pooled_features_of_stride_1_do_not_see_a_shift(direction, fill):
    network, layers = pooled_network(stride=1)
    image, transform = object_on(LEVELS[fill]), Transform(direction, SHIFTS)
    found = distances(network, image, transform, layers=layers, fill=fill, mean=MEAN)
    maps, pooled = found[0].T
    assert pooled.max() < 1e-12
    assert np.delete(maps, SHIFTS.index(0.0)).min() > 0.05  # the features themselves do move


@pytest.mark.parametrize("direction", ["vertical_translation", "horizontal_translation"])
def test_a_stride_of_4_sees_shifts_that_are_no_multiples_of_4(direction):
    network, layers = pooled_network(stride=4)
    found = distances(network, object_on((0, 0, 0)), Transform(direction, SHIFTS), layers=layers)
    multiples = np.array([shift % 4 == 0 for shift in SHIFTS])
    pooled = found[0, :, 1]
    assert pooled[multiples].max() < 1e-12
    assert pooled[~multiples].min() > 1e-3


def test_a_background_unlike_the_fill_is_seen():
    network, layers = pooled_network(stride=1)
    transform = Transform("vertical_translation", SHIFTS)
    pooled = distances(network, object_on((200, 60, 20)), transform, layers=layers)[0, :, 1]
    assert np.delete(pooled, SHIFTS.index(0.0)).min() > 1e-3


RADIUS, SOFTNESS = 60.0, 5.0
ANGLES = tuple(float(angle) for angle in range(0, 361, 15))
QUARTERS = np.array([angle % 90 == 0 for angle in ANGLES])


def shape_on(kind, background):
    """Return a bright disc, or a square of its area, with edges of 5 pixels, centred at 111.5."""
    y, x = np.mgrid[:224, :224] - 111.5
    half = RADIUS * np.sqrt(np.pi) / 2
    distance = np.hypot(x, y) - RADIUS
    if kind == "square":
        distance = np.maximum(abs(x), abs(y)) - half
    covered = np.clip(0.5 - distance / SOFTNESS, 0, 1)
    colours = np.array([230, 160, 250]).reshape(3, 1, 1)
    return np.rint(background + covered * (colours - background)).astype(np.uint8)[None]


@pytest.fixture(scope="module")
def rotation_curve():
    torch.manual_seed(5)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 5, stride=2, padding=2), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()
    )
    network.append(nn.AdaptiveAvgPool2d(1)).append(nn.Flatten())
    network = network.double().eval().requires_grad_(False)

    def curve(kind, background):
        transform = Transform("rotation", ANGLES)
        pixels = shape_on(kind, background)
        return distances(network, pixels, transform, layers=["1", "3"], fill="black")[0]

    return curve


def test_a_disc_does_not_feel_a_rotation_but_a_square_does(rotation_curve):
    disc, square = rotation_curve("disc", 0), rotation_curve("square", 0)
    assert disc[QUARTERS].max() < 1e-12
    assert (disc[~QUARTERS] < square[~QUARTERS] / 4).all()
    assert square[~QUARTERS].min() > 0.02


def test_a_disc_on_another_background_than_the_fill_does_feel_it(rotation_curve):
    black, grey = rotation_curve("disc", 0), rotation_curve("disc", 128)
    assert grey[QUARTERS].max() < 1e-12
    assert grey[~QUARTERS].min() > 0.05
    assert (grey[~QUARTERS] > 4 * black[~QUARTERS]).all()

"""Projections against Captum and against autograd under the same rule; crops against wholes."""

import functools

import numpy as np
import pytest
import torch
from torch import nn

from convscope.deconvnet.project import Projector
from convscope.deconvnet.seeds import Unit
from convscope.networks.layers import layer_calls
from deconvnet_oracles import (
    RULES,
    assert_equal,
    autograd_oracle,
    captum_projection,
    place_of,
    random_image,
    random_network,
    whole,
)

SIZES = {"alexnet": (79, 95), "squeezenet1_0": (64, 71), "resnet18": (64, 64), "vgg11_bn": (48, 35)}


@functools.cache
def network_of(architecture, dtype=torch.float64):
    return random_network(architecture, dtype)


def random_units(projector, tape, network, count=2):
    """Return units of every layer: the peaks of random channels, and one at the map's corner."""
    random = np.random.default_rng(1)
    units = []
    for call in layer_calls(network):
        values = tape.activations[call.layer][0]
        for number in range(count):
            channel = int(random.integers(len(values)))
            row, column = place_of(values, channel)
            if values.dim() == 3 and number == count - 1:
                row, column = values.shape[1] - 1, 0
            units.append(Unit(call.layer, channel, row, column))
    return units


def everything(projector, image, network):
    return projector.record(image, [call.layer for call in layer_calls(network)])


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("architecture", SIZES)
def test_every_layer_is_projected_as_autograd_does_under_the_same_rule(architecture, rule):
    network, size = network_of(architecture), SIZES[architecture]
    image = random_image(size)
    projector = Projector(network, rule=rule, image_size=size)
    tape = everything(projector, image, network)
    units = random_units(projector, tape, network)
    project = autograd_oracle(network, rule, image)

    projections = projector.project(tape, units)

    joins = {call.layer for call in layer_calls(network) if call.kind in ("concat", "add")}
    checked = 0
    for unit, projection in zip(units, projections, strict=True):
        assert projection.unit == unit
        assert_equal(whole(projection, size), project(unit))
        checked += unit.layer in joins
    assert checked or not joins


@pytest.mark.parametrize("architecture", ["alexnet", "squeezenet1_0"])
def test_positive_units_equal_their_activation_times_captums_neuron_deconvolution(architecture):
    network, size = network_of(architecture), SIZES[architecture]
    image = random_image(size)
    projector = Projector(network, image_size=size)
    tape = everything(projector, image, network)
    units = random_units(projector, tape, network, 1)
    checked = 0

    for projection in projector.project(tape, units):
        unit = projection.unit
        if projection.activation <= 0:
            continue
        vector = tape.activations[unit.layer].dim() == 2
        place = (unit.channel,) if vector else (unit.channel, unit.row, unit.column)
        expected = captum_projection(network, network.get_submodule(unit.layer), image, place)
        assert_equal(whole(projection, size), projection.activation * expected)
        checked += 1
    assert checked > 10


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)], ids=str
)
@pytest.mark.parametrize("architecture", ["alexnet", "squeezenet1_0", "resnet18"])
def test_cropped_equals_uncropped_and_is_zero_outside(architecture, dtype, tolerance):
    network, size = network_of(architecture, dtype=dtype), SIZES[architecture]
    image = random_image(size, dtype)
    cropped = Projector(network, image_size=size)
    tape = everything(cropped, image, network)
    units = random_units(cropped, tape, network, 3)

    uncropped = Projector(network, image_size=size, crop=False).project(tape, units)

    for small, large in zip(cropped.project(tape, units), uncropped, strict=True):
        assert large.box == (0, 0, *size)
        found = whole(small, size)
        assert_equal(found, large.pixels, tolerance)
        outside = large.pixels.copy()
        top, left, bottom, right = small.box
        outside[:, top:bottom, left:right] = 0
        assert not outside.any()


@pytest.mark.parametrize("limit", [1, 20_000, 300_000])
def test_how_much_is_carried_at_once_changes_nothing(limit):
    network, size = network_of("squeezenet1_0"), SIZES["squeezenet1_0"]
    image = random_image(size)
    projector = Projector(network, image_size=size)
    tape = everything(projector, image, network)
    units = random_units(projector, tape, network)

    pieces = Projector(network, image_size=size, signal_bytes=limit).project(tape, units)

    for piece, whole_run in zip(pieces, projector.project(tape, units), strict=True):
        assert_equal(piece.pixels, whole_run.pixels)
        assert piece.rectified_to_zero_at == whole_run.rectified_to_zero_at


def overlapping():
    return nn.Sequential(
        nn.Conv2d(3, 5, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        nn.Conv2d(5, 6, (2, 3), (1, 2), (1, 2), (2, 1), groups=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 1, 1, dilation=1),
        nn.Conv2d(6, 6, 3, padding="same", groups=3),
        nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        nn.MaxPool2d(2, 1, dilation=2),
    )


def averages():
    return nn.Sequential(
        nn.Conv2d(3, 4, 4, padding="same"),
        nn.AvgPool2d((3, 2), 2, (1, 0), ceil_mode=True),
        nn.ReLU(),
        nn.AvgPool2d(2, 1, divisor_override=3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d((3, 2)),
        nn.Conv2d(4, 4, 2, padding=1),
        nn.Flatten(),
        nn.Linear(48, 5),
    )


@pytest.mark.parametrize("make", [overlapping, averages], ids=lambda make: make.__name__)
@pytest.mark.parametrize("rule", ["deconvnet", "gradient"])
def test_unusual_strides_dilations_pools_and_groups(make, rule):
    torch.manual_seed(2)
    network, size = make().double().eval().requires_grad_(False), (19, 23)
    image = random_image(size)
    projector = Projector(network, rule=rule, image_size=size)
    tape = everything(projector, image, network)
    units = random_units(projector, tape, network, 4)

    project = autograd_oracle(network, rule, image)
    for unit, projection in zip(units, projector.project(tape, units), strict=True):
        assert_equal(whole(projection, size), project(unit))

"""Whole maps, whole layers and negative units of AlexNet and SqueezeNet; AlexNet at 224 pixels."""

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
    assert_stored_faithfully,
    autograd_oracle,
    place_of,
    random_image,
    random_network,
    whole,
)

SIZES = {"alexnet": (79, 95), "squeezenet1_0": (64, 71)}
FULL = (224, 224)


@functools.cache
def network_of(architecture):
    return random_network(architecture)


@pytest.mark.parametrize("architecture", SIZES)
def test_maps_layers_and_negative_units_of_every_layer_equal_autograds(architecture):
    network, size = network_of(architecture), SIZES[architecture]
    image = random_image(size)
    layers = [call.layer for call in layer_calls(network)]
    kinds_by_rule = {rule: set() for rule in RULES}
    negatives = 0
    for turn, rule in enumerate(RULES):
        projector = Projector(network, rule=rule, image_size=size)
        tape = projector.record(image, layers)
        units = []
        for number, layer in enumerate(layers):
            values = tape.activations[layer][0]
            channel = int(values.flatten(1).amin(1).argmin() if values.dim() == 3 else 3)
            place = place_of(values, channel, largest=False)
            kinds = [Unit(layer, channel, *place), Unit(layer, (7 * number) % len(values))]
            kind = (number + turn) % 3
            units.append([*kinds, Unit(layer)][kind])
            kinds_by_rule[rule].add(kind)
            if rule == "deconvnet" and kind and values[channel].min() < 0:
                units.append(kinds[0])
        project = autograd_oracle(network, rule, image)
        for unit, projection in zip(units, projector.project(tape, units), strict=True):
            assert_equal(whole(projection, size), project(unit))
            assert_stored_faithfully(projection.pixels)
            negatives += projection.activation < 0
    assert all(kinds == {0, 1, 2} for kinds in kinds_by_rule.values())
    # Every convolution, and every linear layer.
    weighted = [call for call in layer_calls(network) if call.kind in ("conv", "linear")]
    assert negatives >= len(weighted)


@pytest.fixture(scope="module")
def alexnet_features():
    return network_of("alexnet").features


def test_alexnets_first_convolution_gives_224_pixels_and_not_223(alexnet_features):
    image = random_image(FULL)
    layers = [call.layer for call in layer_calls(alexnet_features)]
    projector = Projector(alexnet_features, image_size=FULL)
    tape = projector.record(image, layers)
    units = [Unit(layers[0])]
    for number, layer in enumerate(layers):
        channels, height, width = tape.activations[layer].shape[1:]
        units.append(Unit(layer, (5 * number) % channels, height - 1, width - 1))

    project = autograd_oracle(alexnet_features, "deconvnet", image)
    found = [whole(projection, FULL) for projection in projector.project(tape, units)]
    for unit, pixels in zip(units, found, strict=True):
        assert_equal(pixels, project(unit))

    # 55 windows of 11 pixels in steps of 4 reach the last pixel; a plain transpose ends before it.
    assert found[0][:, 223, 223].all()


@pytest.mark.parametrize("keepdim", [False, True])
def test_a_mean_over_the_map_is_a_global_average(keepdim):
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv2d(3, 4, 3)
            self.relu = nn.ReLU()
            self.last = nn.Conv2d(4, 5, 1) if keepdim else nn.Linear(4, 5)

        def forward(self, x):
            return self.last(self.relu(self.first(x)).mean((2, 3), keepdim=keepdim))

    torch.manual_seed(0)
    network, size = Network().double().eval(), (9, 11)
    network.requires_grad_(False)
    image = random_image(size)

    (projection,) = Projector(network, image_size=size).project_image(
        image, [Unit("last", 2, 0, 0)]
    )

    expected = autograd_oracle(network, "deconvnet", image)(Unit("last", 2, 0, 0))
    assert expected.any()
    assert_equal(whole(projection, size), expected)


def test_projections_too_small_for_float16_are_stored_faithfully():
    network = network_of("alexnet")
    size = SIZES["alexnet"]
    units = [Unit("classifier.6", channel, 0, 0) for channel in range(11)]

    projections = Projector(network, image_size=size).project_image(random_image(size), units)

    largest = [np.abs(projection.pixels).max() for projection in projections]
    assert 0 < min(largest) < max(largest) < 1e-5
    for projection in projections:
        assert_stored_faithfully(projection.pixels)
        plain = projection.pixels.astype(np.float16)
        assert np.abs(plain - projection.pixels).max() > 1e-3 * np.abs(projection.pixels).max()

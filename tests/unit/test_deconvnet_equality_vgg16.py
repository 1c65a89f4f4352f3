"""Every layer of VGG-16: against Captum, against autograd, cropped against whole, as stored."""

import copy

import pytest
import torch

from convscope.deconvnet.project import Projector
from convscope.deconvnet.seeds import Unit
from convscope.networks.layers import layer_calls
from deconvnet_oracles import (
    RULES,
    assert_equal,
    assert_stored_faithfully,
    autograd_oracle,
    captum_projection,
    place_of,
    random_image,
    random_network,
    whole,
)

SIZE = (40, 33)
LARGER = (116, 110)


@pytest.fixture(scope="module")
def network():
    return random_network("vgg16")


@pytest.fixture(scope="module")
def layers(network):
    return [call.layer for call in layer_calls(network)]


@pytest.fixture(scope="module")
def tape(network, layers):
    return Projector(network, image_size=SIZE).record(random_image(SIZE), layers)


def negative(values):
    """Return the channel with the smallest value of ``(C, ...)``, or None if none is negative."""
    channel = int(values.flatten(1).amin(1).argmin()) if values.dim() == 3 else int(values.argmin())
    return channel if values[channel].min() < 0 else None


def test_positive_units_equal_their_activation_times_captums(network, layers, tape):
    units = []
    for number, layer in enumerate(layers):
        values = tape.activations[layer][0]
        peaks = values.flatten(1).amax(1) if values.dim() == 3 else values
        positive = (peaks > 0).nonzero().flatten()
        channel = int(positive[number % len(positive)])
        units.append(Unit(layer, channel, *place_of(values, channel)))

    projections = Projector(network, image_size=SIZE).project(tape, units)

    arrived = 0
    for unit, projection in zip(units, projections, strict=True):
        assert projection.activation > 0
        # Up to the last pooling the classifier, which is most of the weights, is not needed.
        part = network.features if unit.layer.startswith("features.") else network
        vector = tape.activations[unit.layer].dim() == 2
        place = (unit.channel,) if vector else (unit.channel, unit.row, unit.column)
        layer = network.get_submodule(unit.layer)
        expected = captum_projection(part, layer, random_image(SIZE), place)
        assert_equal(whole(projection, SIZE), projection.activation * expected)
        assert_stored_faithfully(projection.pixels)
        arrived += bool(expected.any())
    assert len(units) == 37
    assert arrived >= 36


def test_negative_units_maps_and_layers_equal_autograds(network, layers, tape):
    oracles = {rule: autograd_oracle(network, rule, random_image(SIZE)) for rule in RULES}
    asked = {rule: [] for rule in RULES}
    for number, layer in enumerate(layers):
        values = tape.activations[layer][0]
        channel = negative(values)
        kinds = [Unit(layer, (31 * number) % len(values)), Unit(layer)]
        if channel is not None:
            kinds.append(Unit(layer, channel, *place_of(values, channel, largest=False)))
            asked["deconvnet"].append(kinds[-1])
        # Every kind goes by every rule within any three neighbouring layers.
        for place, unit in enumerate(kinds):
            asked[RULES[(number + place) % len(RULES)]].append(unit)

    negatives = 0
    for rule, units in asked.items():
        gated = Projector(network, rule=rule, image_size=SIZE)
        recorded = gated.record(random_image(SIZE), layers) if rule != "deconvnet" else tape
        for unit, projection in zip(units, gated.project(recorded, units), strict=True):
            assert_equal(whole(projection, SIZE), oracles[rule](unit))
            assert_stored_faithfully(projection.pixels)
            negatives += projection.activation < 0
    assert negatives >= 16


def cropped_and_whole(network, dtype, layers):
    """Return projections of a unit at a border of each layer, cropped and computed whole."""
    image = random_image(LARGER, dtype)
    cropped = Projector(network, image_size=LARGER)
    tape = cropped.record(image, layers)
    units = []
    for number, layer in enumerate(layers):
        channels, height, width = tape.activations[layer].shape[1:]
        row, column = [(0, 0), (height - 1, width // 3), (height // 2, width - 1)][number % 3]
        units.append(Unit(layer, (11 * number) % channels, row, column))
    uncropped = Projector(network, image_size=LARGER, crop=False)
    return zip(cropped.project(tape, units), uncropped.project(tape, units), strict=True)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)], ids=str
)
def test_cropped_equals_whole_and_is_zero_outside(network, dtype, tolerance):
    # The classifier sees the whole image. What follows a convolution has its box, or pools it.
    features = copy.deepcopy(network.features).to(dtype)
    kinds = ("conv", "maxpool")
    layers = [call.layer for call in layer_calls(features) if call.kind in kinds]
    smaller = 0

    for small, large in cropped_and_whole(features, dtype, layers):
        assert large.box == (0, 0, *LARGER)
        assert_equal(whole(small, LARGER), large.pixels, tolerance)
        outside = large.pixels.copy()
        top, left, bottom, right = small.box
        outside[:, top:bottom, left:right] = 0
        assert not outside.any()
        smaller += small.pixels.size < large.pixels.size
    assert len(layers) == 18
    assert smaller >= 16

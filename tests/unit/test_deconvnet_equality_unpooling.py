"""How far unpooling by interpolation is from that by switches: another picture, and brighter."""

import numpy as np
import pytest
import torch
from torch import nn

from convscope.deconvnet.project import Projector
from convscope.deconvnet.seeds import Unit
from convscope.features.peaks import find_peaks
from convscope.networks.layers import layer_calls
from deconvnet_oracles import differences, random_image, random_network, whole

SIZE = (224, 224)


def test_a_pool_of_two_spreads_four_times_what_its_switches_carry():
    image = random_image((12, 12))
    unit = Unit("0", 1, 2, 3)
    found = {}
    for unpooling in ("switches", "interpolate"):
        projector = Projector(
            nn.Sequential(nn.MaxPool2d(2)), unpooling=unpooling, image_size=(12, 12)
        )
        (projection,) = projector.project_image(image, [unit])
        found[unpooling] = whole(projection, (12, 12))

    activation = float(image[0, 1, 4:6, 6:8].max())
    assert np.count_nonzero(found["switches"]) == 1
    assert found["switches"].sum() == activation
    assert np.count_nonzero(found["interpolate"]) == 16
    assert found["interpolate"].sum() == pytest.approx(4 * activation, rel=1e-12)


def test_interpolation_draws_another_picture_above_the_first_pool_only():
    network = random_network("alexnet", torch.float32).features
    image = random_image(SIZE, torch.float32)
    layers = [call.layer for call in layer_calls(network)]
    switches, interpolate = (
        Projector(network, unpooling=unpooling, image_size=SIZE)
        for unpooling in ("switches", "interpolate")
    )
    tape = switches.record(image, layers)
    units = []
    for layer in layers:
        values, positions = find_peaks(tape.activations[layer], layer)
        for channel in values[0].topk(5).indices.tolist():
            units.append(Unit(layer, channel, *positions[0, channel].tolist()))

    pairs = zip(switches.project(tape, units), interpolate.project(tape, units), strict=True)
    found = {layer: [] for layer in layers}
    for exact, approximate in pairs:
        found[exact.unit.layer].append(differences(exact, approximate, SIZE))

    for layer, values in found.items():
        relative, cosine = np.median(values, 0)
        if layer in ("0", "1"):
            assert (relative, cosine) == (0, pytest.approx(1))
        else:
            assert 1 < relative < 6
            assert 0.1 < cosine < 0.6

"""The engine against a mirror that is written out, what it leaves alone, and what it refuses."""

import copy
import functools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from convscope.deconvnet.project import Projector
from convscope.deconvnet.seeds import Unit
from convscope.errors import UserError
from convscope.networks.build import construct
from convscope.networks.layers import layer_calls

SIZE = (79, 95)


@functools.cache
def random_network(architecture):
    torch.manual_seed(0)
    return construct(architecture, classes=11).eval().double().requires_grad_(False)


def random_image(size=SIZE):
    generator = torch.Generator().manual_seed(5)
    return torch.randn(1, 3, *size, dtype=torch.float64, generator=generator)


def mirror(network, image, unit, unpooling):
    """Return Zeiler & Fergus' deconvnet as they describe it: unpool, rectify, filter."""
    passed, values = [], image
    for name, module in network.features.named_children():
        below = values
        values = values.relu() if isinstance(module, nn.ReLU) else module(values)
        passed.append((module, below))
        if f"features.{name}" == unit.layer:
            break
    signal = torch.zeros_like(values)
    place = (0, unit.channel, unit.row, unit.column)
    signal[place] = values[place]
    for module, below in reversed(passed):
        size = below.shape
        if isinstance(module, nn.ReLU):
            signal = signal.relu()
        elif isinstance(module, nn.Conv2d):
            signal = torch.nn.grad.conv2d_input(
                size, module.weight, signal, module.stride, module.padding
            )
        elif unpooling == "interpolate":
            signal = functional.interpolate(signal, size[2:], mode="bilinear")
        else:
            places = functional.max_pool2d(below, 2, 2, return_indices=True)[1]
            signal = functional.max_unpool2d(signal, places, 2, 2, output_size=size)
    return signal[0].numpy()


@pytest.mark.parametrize(
    ("architecture", "unpooling"),
    # Plain unpooling loses AlexNet's repeated switches: autograd is the oracle there.
    [("vgg11", "switches"), ("vgg11", "interpolate"), ("alexnet", "interpolate")],
)
def test_every_feature_layer_equals_an_explicit_mirror(architecture, unpooling):
    network, image = random_network(architecture), random_image()
    projector = Projector(network, unpooling=unpooling, image_size=SIZE)
    layers = [call.layer for call in layer_calls(network) if call.layer.startswith("features")]
    tape = projector.record(image, layers)
    units = []
    for number, layer in enumerate(layers):
        _, channels, height, width = tape.activations[layer].shape
        units += [
            Unit(layer, (7 * number) % channels, height // 2, width // 3),
            Unit(layer, (5 * number) % channels, height - 1, 0),
        ]

    for unit, projection in zip(units, projector.project(tape, units), strict=True):
        expected = mirror(network, image, unit, unpooling)
        top, left, bottom, right = projection.box
        found = np.zeros_like(expected)
        found[:, top:bottom, left:right] = projection.pixels
        assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()


def test_repeated_switches_of_overlapping_pools_add_up():
    network = nn.Sequential(nn.MaxPool2d(3, 1)).double().eval()
    image = torch.zeros(1, 3, 5, 5, dtype=torch.float64)
    image[0, 1, 2, 2] = 7.0

    (projection,) = Projector(network, image_size=(5, 5)).project_image(image, [Unit("0", 1)])

    assert projection.pixels[1, 2, 2] == 9 * 7.0
    assert np.count_nonzero(projection.pixels) == 1


def test_the_network_is_unchanged_and_holds_no_hooks_even_after_an_exception(monkeypatch):
    network, size = random_network("alexnet"), SIZE
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    image = random_image(size)
    clean = network(image)
    projector = Projector(network, image_size=size)
    units = [Unit("features.10", 3, 0, 0), Unit("features.0", 1, 2, 2)]

    def break_down(*_):
        raise RuntimeError("midway")

    with monkeypatch.context() as patch:
        patch.setattr("convscope.deconvnet.transposes.unpooled", break_down)
        with pytest.raises(RuntimeError, match="midway"):
            projector.project_image(image, units)
    projector.project_image(image, units)

    assert all(module.inplace for module in network.modules() if isinstance(module, nn.ReLU))
    for module in network.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
        assert not module._backward_hooks
    assert all(torch.equal(tensor, before[n]) for n, tensor in network.state_dict().items())
    assert torch.equal(network(image), clean)


def test_layers_are_outputs_before_the_in_place_relu_writes_into_them():
    network, size = random_network("alexnet"), SIZE

    tape = Projector(network, image_size=size).record(
        random_image(), [call.layer for call in layer_calls(network)]
    )

    for conv, relu in [("features.0", "features.1"), ("classifier.4", "classifier.5")]:
        assert (tape.activations[conv] < 0).any()
        assert torch.equal(tape.activations[conv].relu(), tape.activations[relu])


def test_a_silent_channel_and_a_rectified_signal_are_legitimate():
    network = nn.Sequential(
        nn.Conv2d(3, 2, 1), nn.ReLU(inplace=True), nn.Conv2d(2, 2, 1, bias=False), nn.ReLU()
    ).double()
    with torch.no_grad():
        network[0].weight.fill_(1.0)
        network[0].bias.copy_(torch.tensor([1.0, -99.0]))
        network[2].weight.copy_(torch.tensor([[-1.0, -1.0], [1.0, 1.0]]).view(2, 2, 1, 1))
    image = torch.ones(1, 3, 4, 4, dtype=torch.float64)
    units = [Unit("1", 1, 2, 2), Unit("2", 0, 0, 0), Unit("2", 1, 3, 1), Unit("3", 0, 0, 0)]
    projector = Projector(network.eval(), rule="guided", image_size=(4, 4))

    silent, negative, alive, dead = projector.project_image(image, units)
    (killed,) = projector.project(projector.record(image, ["2"]), [Unit("2", 0, 0, 0)], seed=1.0)

    assert (silent.activation, silent.rectified_to_zero_at) == (0.0, None)
    assert not silent.pixels.any()
    assert (negative.activation, negative.rectified_to_zero_at) == (-4.0, None)
    assert alive.pixels.tolist() == [[[4.0]]] * 3
    assert (dead.activation, dead.rectified_to_zero_at) == (0.0, None)
    assert (killed.activation, killed.rectified_to_zero_at) == (1.0, "1")
    assert killed.pixels.shape == (3, 1, 1)
    assert not killed.pixels.any()


def test_bad_requests_are_refused_by_name():
    network, size = random_network("alexnet"), SIZE
    image = random_image(size)
    projector = Projector(network, image_size=size)

    with pytest.raises(UserError, match=r"features\.44.*no such layer"):
        projector.project_image(image, [Unit("features.44", 0, 0, 0)])
    with pytest.raises(UserError, match=r"features\.0.*channel 64 is none of its 64"):
        projector.project_image(image, [Unit("features.0", 64, 0, 0)])
    with pytest.raises(UserError, match=r"features\.0.*column 99 is none"):
        projector.project_image(image, [Unit("features.0", 6, 0, 99)])
    with pytest.raises(UserError, match=r"classifier\.6.*row 1 is none of its 1"):
        projector.project_image(image, [Unit("classifier.6", 6, 1, 0)])
    with pytest.raises(UserError, match="'relu' is no rule"):
        Projector(network, rule="relu")
    with pytest.raises(UserError, match="'nearest' is no way to unpool"):
        Projector(network, unpooling="nearest")
    with pytest.raises(UserError, match="functional ReLU"):
        Projector(construct("googlenet", classes=4).eval())
    with pytest.raises(ValueError, match="expected"):
        projector.record(image[..., :50], ["features.0"])


def test_nan_in_the_weights_is_refused():
    network, size = copy.deepcopy(random_network("alexnet")), SIZE
    network.features[3].weight[7, 3, 1, 1] = float("nan")

    with pytest.raises(UserError, match=r"layer features\.6: it computes NaN"):
        Projector(network, image_size=size).record(random_image(size), ["features.6"])

"""Projections against Captum and against autograd under the same rule; crops against wholes."""

import copy
import functools
import warnings

import numpy as np
import pytest
import torch
from captum.attr import NeuronDeconvolution
from torch import nn

from convscope.deconvnet.project import Projector
from convscope.deconvnet.seeds import Unit
from convscope.networks.build import construct
from convscope.networks.layers import layer_calls

SIZES = {"alexnet": (79, 95), "squeezenet1_0": (64, 71), "resnet18": (64, 64), "vgg11_bn": (64, 64)}


class Rule(torch.autograd.Function):
    """A ReLU with one of the three backward rules."""

    @staticmethod
    def forward(context, values, rule):
        context.save_for_backward(values)
        context.rule = rule
        return values.clamp(min=0)

    @staticmethod
    def backward(context, signal):
        (values,) = context.saved_tensors
        if context.rule != "gradient":
            signal = signal.clamp(min=0)
        if context.rule != "deconvnet":
            signal = signal * (values > 0)
        return signal, None


def oracle(network, rule, image):
    """Return what gives autograd's way down from a layer's output and a seed."""
    network = copy.deepcopy(network)
    outputs = {}
    times = {}
    for name, module in network.named_modules():
        if isinstance(module, nn.ReLU):
            module.forward = lambda values: Rule.apply(values, rule)

        def keep(_module, _inputs, output, name=name):
            times[name] = times.get(name, 0) + 1
            key = name if times[name] == 1 else f"{name}.call{times[name]}"
            outputs[key] = output
            # An in-place operation behind must not reach what was kept.
            return output.clone()

        module.register_forward_hook(keep)
    image = image.clone().requires_grad_()
    network(image)

    def project(unit):
        output = outputs[unit.layer]
        seed = torch.zeros_like(output)
        place = tuple(p for p in (unit.channel, unit.row, unit.column) if p is not None)
        place = (0, *place)[: output.dim()]
        seed[place] = output.detach()[place]
        return torch.autograd.grad(output, image, seed, retain_graph=True)[0][0].numpy()

    return project


@functools.cache
def random_network(architecture, dtype=torch.float64):
    torch.manual_seed(0)
    network = construct(architecture, classes=11).eval().to(dtype).requires_grad_(False)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            module.weight.normal_(1, 0.2)
            module.bias.normal_(0, 0.1)
    return network


def random_image(size, dtype=torch.float64, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 3, *size, dtype=dtype, generator=generator)


def random_units(projector, tape, network, count=2):
    """Return units of every layer: the peaks of random channels, and one at the map's corner."""
    random = np.random.default_rng(1)
    units = []
    for call in layer_calls(network):
        values = tape.activations[call.layer][0]
        for number in range(count):
            channel = int(random.integers(len(values)))
            if values.dim() == 1:
                units.append(Unit(call.layer, channel, 0, 0))
                continue
            row, column = divmod(int(values[channel].argmax()), values.shape[2])
            if number == count - 1:
                row, column = values.shape[1] - 1, 0
            units.append(Unit(call.layer, channel, row, column))
    return units


def whole(projection, size):
    """Return a projection at its place in an image of zeros."""
    pixels = np.zeros((3, *size))
    top, left, bottom, right = projection.box
    pixels[:, top:bottom, left:right] = projection.pixels
    return pixels


def assert_equal(found, expected, tolerance=1e-12):
    scale = np.abs(expected).max()
    assert np.abs(found - expected).max() <= tolerance * scale


def everything(projector, image, network):
    return projector.record(image, [call.layer for call in layer_calls(network)])


@pytest.mark.parametrize("rule", ["deconvnet", "guided", "gradient"])
@pytest.mark.parametrize("architecture", SIZES)
def test_every_layer_is_projected_as_autograd_does_under_the_same_rule(architecture, rule):
    network, size = random_network(architecture), SIZES[architecture]
    image = random_image(size)
    projector = Projector(network, rule=rule, image_size=size)
    tape = everything(projector, image, network)
    units = random_units(projector, tape, network)
    project = oracle(network, rule, image)

    projections = projector.project(tape, units)

    joins = {call.layer for call in layer_calls(network) if call.kind in ("concat", "add")}
    checked = 0
    for unit, projection in zip(units, projections, strict=True):
        assert projection.unit == unit
        assert_equal(whole(projection, size), project(unit))
        checked += unit.layer in joins
    assert checked or not joins


@pytest.mark.parametrize("architecture", ["alexnet", "squeezenet1_0", "vgg11_bn"])
def test_positive_units_equal_their_activation_times_captums_neuron_deconvolution(architecture):
    network, size = random_network(architecture), SIZES[architecture]
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
        method = NeuronDeconvolution(network, network.get_submodule(unit.layer))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = method.attribute(image.clone().requires_grad_(), place)[0].numpy()
        assert_equal(whole(projection, size), projection.activation * expected)
        checked += 1
    assert checked > 10


@pytest.mark.parametrize("rule", ["deconvnet", "guided", "gradient"])
@pytest.mark.parametrize("layer", ["features.0", "features.5", "features.10", "classifier.4"])
def test_maps_and_layers_are_projected_whole(layer, rule):
    network, size = random_network("alexnet"), SIZES["alexnet"]
    image = random_image(size)
    units = [Unit(layer, 3), Unit(layer), Unit(layer, 40)]

    projections = Projector(network, rule=rule, image_size=size).project_image(image, units)

    project = oracle(network, rule, image)
    for unit, projection in zip(units, projections, strict=True):
        assert_equal(whole(projection, size), project(unit))


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)], ids=str
)
@pytest.mark.parametrize("architecture", ["alexnet", "squeezenet1_0", "resnet18"])
def test_cropped_equals_uncropped_and_is_zero_outside(architecture, dtype, tolerance):
    network, size = random_network(architecture, dtype=dtype), SIZES[architecture]
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
    network, size = random_network("squeezenet1_0"), SIZES["squeezenet1_0"]
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

    project = oracle(network, rule, image)
    for unit, projection in zip(units, projector.project(tape, units), strict=True):
        assert_equal(whole(projection, size), project(unit))

"""Slow and obvious ways down through a network, and small things that their tests share."""

import copy
import warnings

import numpy as np
import torch
from captum.attr import NeuronDeconvolution
from torch import nn

from convscope.networks.build import construct

RULES = ("deconvnet", "guided", "gradient")


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


def autograd_oracle(network, rule, image):
    """Return what gives autograd's way down from a layer's output and a seed."""
    # The copy has modules of its own, and the same weights.
    shared = {id(tensor): tensor for tensor in network.state_dict(keep_vars=True).values()}
    network = copy.deepcopy(network, shared)
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


def captum_projection(network, layer, image, place):
    """Return Captum's projection of one unit of a layer (a module), from 1."""
    method = NeuronDeconvolution(network, layer)
    with warnings.catch_warnings():
        # It says at every call that it sets hooks.
        warnings.simplefilter("ignore")
        return method.attribute(image.clone().requires_grad_(), place)[0].numpy()


def random_network(architecture, dtype=torch.float64, classes=11):
    """Return a network as its constructor initialises it, with normalisations that do something."""
    torch.manual_seed(0)
    network = construct(architecture, classes=classes).eval().to(dtype).requires_grad_(False)
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


def place_of(values, channel, largest=True):
    """Return row and column of a channel's largest or smallest value in ``(C, H, W)`` or (C,)."""
    if values.dim() == 1:
        return 0, 0
    found = values[channel].argmax() if largest else values[channel].argmin()
    return divmod(int(found), values.shape[2])


def whole(projection, size):
    """Return a projection at its place in an image of zeros."""
    pixels = np.zeros((3, *size))
    top, left, bottom, right = projection.box
    pixels[:, top:bottom, left:right] = projection.pixels
    return pixels


def assert_equal(found, expected, tolerance=1e-12):
    scale = np.abs(expected).max()
    assert np.abs(found - expected).max() <= tolerance * scale


def assert_stored_faithfully(pixels):
    """Assert that a projection survives storage in both types, whatever its scale."""
    from convscope.deconvnet.storage import restore, store

    largest = np.abs(pixels).max()
    for dtype in ("float16", "float32"):
        stored, scale = store(pixels, dtype)
        again = restore(stored, scale)
        assert stored.dtype == dtype
        assert np.isfinite(stored).all()
        assert np.isfinite(again).all()
        assert np.abs(again - pixels).max() <= 1e-3 * largest


def differences(exact, approximate, size):
    """Return the length of the difference relative to the exact projection's, and the cosine."""
    exact, approximate = (whole(projection, size).ravel() for projection in (exact, approximate))
    length = np.linalg.norm(exact)
    cosine = exact @ approximate / (length * np.linalg.norm(approximate))
    return np.linalg.norm(approximate - exact) / length, cosine

"""Networks for the tests of occlusion, and what they say, computed position by position."""

import copy
import functools

import numpy as np
import torch
import torchvision
from torch import nn

from convscope.deconvnet.program import program_of
from convscope.networks.build import construct
from convscope.occlusion.exact import ExactEngine
from convscope.occlusion.graph import graph_of
from convscope.occlusion.winograd import transformed_weights

CPU = torch.device("cpu")
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


class Fire(nn.Module):
    """Branches that see different distances, side by side; one of them goes on alone too."""

    def __init__(self, channels, extra):
        super().__init__()
        self.squeeze = nn.Conv2d(channels, 4, 1)
        self.near = nn.Conv2d(4, 3, 1)
        self.far = nn.Conv2d(4, 5, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.after = nn.ReLU() if extra else nn.Identity()
        self.out = 8

    def forward(self, x):
        x = self.relu(self.squeeze(x))
        return self.after(torch.cat([self.relu(self.near(x)), self.far(x)], 1))


class Residual(nn.Module):
    """A sum of two ways; also one that reads the sum twice."""

    def __init__(self, channels, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.short = nn.Conv2d(channels, channels, 1, stride)
        self.out = channels

    def forward(self, x):
        y = self.norm(self.conv(x)) + self.short(x)
        return self.relu(y) + y


class Net(nn.Module):
    """Some modules and a head of two fully connected layers."""

    def __init__(self, parts, size, classes=6):
        super().__init__()
        self.features = nn.Sequential(*parts)
        with torch.no_grad():
            shape = self.features.eval()(torch.zeros(1, 3, *size)).shape
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(int(np.prod(shape)), 9),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(9, classes),
        )

    def forward(self, x):
        return self.head(self.features(x))


def settled(network, dtype=torch.float64):
    """Return a network in eval mode, with batch statistics other than 0 and 1."""
    generator = torch.Generator().manual_seed(3)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_mean, module.running_var, module.weight, module.bias):
                tensor.data.uniform_(0.5, 1.5, generator=generator)
    return network.eval().requires_grad_(False).to(dtype)


def inputs(size, dtype=torch.float64, seed=1):
    """Return a clean image and a fill, ``(1, 3, H, W)`` each."""
    generator = torch.Generator().manual_seed(seed)
    shape = (1, 3, *size)
    return tuple(torch.randn(shape, dtype=dtype, generator=generator) for _ in range(2))


def plainly(network, grid, positions, clean, fill):
    """Return the logits ``(P, K)``: an obvious loop, one forward pass a position."""
    found = []
    with torch.no_grad():
        for row, column in positions:
            image = clean.clone()
            top, left = row * grid.stride[0], column * grid.stride[1]
            rows = slice(top, top + grid.patch[0])
            columns = slice(left, left + grid.patch[1])
            image[:, :, rows, columns] = fill[:, :, rows, columns]
            found.append(network(image))
    return torch.cat(found).numpy()


def incrementally(network, grid, positions, clean, fill, fast=(), **limits):
    """Return the responses of the incremental engine; ``fast`` names convolutions."""
    graph = graph_of(program_of(network, grid.image), grid.image)
    weights = {
        place: transformed_weights(node.step.tensors["weight"])
        for place, node in enumerate(graph.nodes)
        if node.step.place in fast
    }
    engine = ExactEngine(
        graph, grid, positions, device=CPU, dtype=clean.dtype, fast=weights, **limits
    )
    run = engine.begin(clean, fill)
    for chunk in engine.chunks:
        engine.advance(run, chunk)
    return engine.finish(run)


def fast_layers(network):
    """Return the names of the convolutions that can be fast."""
    return [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d)
        and module.kernel_size == (3, 3)
        and module.stride == module.dilation == (1, 1)
        and module.groups == 1
    ]


@functools.cache
def random_network(architecture, classes=10, dtype=torch.float32):
    """Return a torchvision network as its constructor initialises it; a VGG with a small head."""
    torch.manual_seed(0)
    if architecture in ("vgg16", "vgg19"):
        plan = torchvision.models.vgg.cfgs[{"vgg16": "D", "vgg19": "E"}[architecture]]
        layers = torchvision.models.vgg.make_layers(plan)
        for module in layers:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        pool = nn.AdaptiveAvgPool2d(7)
        network = nn.Sequential(layers, pool, nn.Flatten(), nn.Linear(512 * 49, classes))
    else:
        network = construct(architecture, classes=classes)
    return settled(network, dtype)


def sharpened(network, images, top=0.6):
    """Return a copy whose last layer is scaled so that the first image's top class is likely."""
    network = copy.deepcopy(network)
    last = [m for m in network.modules() if isinstance(m, nn.Linear | nn.Conv2d)][-1]
    with torch.no_grad():
        logits = network(images).double()[0]
        scale = 1.0
        while abs((scale * logits).softmax(0).max() - top) > 0.05:
            scale *= 1.3 if (scale * logits).softmax(0).max() < top else 0.95
        last.weight *= scale
        last.bias *= scale
    return network

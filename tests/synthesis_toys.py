"""Small networks and settings for tests of synthesis."""

from dataclasses import replace

import torch
from torch import nn

from convscope.deconvnet.program import Program, program_of
from convscope.synthesis.loop import Canvas, Synthesis
from convscope.synthesis.presets import NEUTRAL
from convscope.synthesis.state import Row

SIZE = (12, 10)
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


def toy(classes=4, seed=0, dtype=torch.float64):
    """Return conv-relu-pool-conv-relu-average-linear in eval mode."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, classes),
    )
    return network.to(dtype).eval().requires_grad_(False)


class Fire(nn.Module):
    """Two branches side by side, as SqueezeNet has them."""

    def __init__(self):
        super().__init__()
        self.left = nn.Conv2d(6, 4, 1)
        self.left_activation = nn.ReLU(inplace=True)
        self.right = nn.Conv2d(6, 4, 3, padding=1)
        self.right_activation = nn.ReLU(inplace=True)

    def forward(self, x):
        left = self.left_activation(self.left(x))
        return torch.cat([left, self.right_activation(self.right(x))], 1)


def squeezed(classes=4, bias=0.0):
    """Return a network whose class convolution is followed by ReLU and pooling."""
    torch.manual_seed(1)
    network = nn.Sequential(
        nn.Conv2d(3, 6, 3),
        nn.ReLU(inplace=True),
        Fire(),
        nn.Dropout(),
        nn.Conv2d(8, classes, 1),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    nn.init.constant_(network[4].bias, bias)
    return network.double().eval().requires_grad_(False)


def program(network, size=SIZE):
    return program_of(network, size)


def softened(network, size=SIZE):
    """Return a network's program with a smooth function in place of each ReLU."""
    steps = [
        replace(step, kind="softplus", module=nn.Softplus(beta=3)) if step.kind == "relu" else step
        for step in program(network, size).steps
    ]
    return Program(tuple(steps))


def canvas(size=SIZE, dtype=torch.float64):
    return Canvas(MEAN, STD, size, "cpu", dtype)


def row(preset="plain", seed=0, **settings):
    return Row({"seed": seed, "class": 0, "preset": preset}, {**NEUTRAL, **settings})


def synthesis(objective, rows, dtype=torch.float64, snapshots=(), size=SIZE):
    return Synthesis(objective, rows, canvas(size, dtype), snapshots)


def noise(count=2, size=SIZE, seed=3, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return 0.3 * torch.randn(count, 3, *size, generator=generator, dtype=dtype)

"""The reference network: a small VGG for scenes (Simonyan & Zisserman, 2014, section 2.1).

Modules are named as in torchvision's VGG, so that every method treats it as one.
"""

from collections.abc import Sequence

import torch
from torch import nn

from convscope.errors import UserError

DEFAULT_WIDTHS = (16, 32, 64, 96)
DEFAULT_HIDDEN = 64


class ReferenceNetwork(nn.Module):
    """Blocks of conv-relu-conv-relu-pool, a global average, and two linear layers.

    Parameters
    ----------
    widths
        Channels of each block.
    classes
        Number of logits.
    hidden
        Width of the last hidden layer.
    """

    def __init__(self, widths: Sequence[int], classes: int, hidden: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width in widths:
            for _ in range(2):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
                channels = width
            layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.classifier = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, classes)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits ``(N, classes)`` of normalised images ``(N, 3, H, W)``."""
        pooled = self.avgpool(self.features(images))
        return self.classifier(torch.flatten(pooled, 1))


def reference_network(
    widths: Sequence[int] = DEFAULT_WIDTHS, classes: int = 8, hidden: int = DEFAULT_HIDDEN
) -> nn.Module:
    """Build the reference network, untrained.

    Parameters
    ----------
    widths
        Channels of each block; every block halves height and width.
    classes
        Number of logits.
    hidden
        Width of the last hidden layer.

    Raises
    ------
    UserError
        If a width or a count is below 1.
    """
    sizes = {"classes": classes, "hidden": hidden}
    sizes |= {f"widths[{place}]": width for place, width in enumerate(widths)}
    for name, size in sizes.items():
        if size < 1:
            raise UserError(
                f"{size} is no size of a layer",
                where=f"reference network, {name}",
                remedy="Give a whole number of at least 1.",
            )
    return ReferenceNetwork(widths, classes, hidden)


def initialised_network(
    widths: Sequence[int], classes: int, hidden: int, generator: torch.Generator
) -> nn.Module:
    """Build the reference network with He-normal weights (He et al., 2015) and zero biases.

    The global random state is neither used nor changed.

    Parameters
    ----------
    widths, classes, hidden
        As in ``reference_network``.
    generator
        A CPU generator; equal states give equal weights.
    """
    with torch.device("meta"):
        network = reference_network(widths, classes, hidden)
    network.to_empty(device="cpu")
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(module.bias)
    return network

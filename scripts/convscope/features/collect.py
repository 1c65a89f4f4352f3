"""One forward pass, looked at while it runs: logits, peaks of every layer, chosen activations."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from convscope.errors import UserError
from convscope.features.peaks import find_peaks, join_peaks, rectify_peaks
from convscope.networks.layers import (
    joined_layers,
    layer_calls,
    observing,
    rectified_layers,
)

FLOAT16_MAXIMUM = 65504.0


@dataclass
class Collected:
    """What one forward pass of n images left.

    ``logits`` is ``(n, K)``; ``values`` ``(n, sum of C)`` and ``positions`` ``(n, sum of C, 2)``
    hold the peaks of all layers side by side; ``activations`` ``(n, C, H, W)`` or ``(n, C)`` each.
    """

    logits: np.ndarray
    values: np.ndarray
    positions: np.ndarray
    activations: dict[str, np.ndarray]


@dataclass
class _Observer:
    rectified: Mapping[str, str]
    joined: Mapping[str, Sequence[str]]
    stored: Collection[str]
    dtype: torch.dtype
    peaks: dict[str, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)
    activations: dict[str, np.ndarray] = field(default_factory=dict)

    def clear(self) -> None:
        self.peaks.clear()
        self.activations.clear()

    def __call__(self, layer: str, output: torch.Tensor) -> None:
        # What a ReLU or a concatenation makes of peaks is known without looking at its output.
        if layer in self.rectified:
            self.peaks[layer] = rectify_peaks(*self.peaks[self.rectified[layer]])
        elif layer in self.joined:
            self.peaks[layer] = join_peaks([self.peaks[part] for part in self.joined[layer]])
        else:
            self.peaks[layer] = find_peaks(output, layer)
        if layer in self.stored:
            self.activations[layer] = _stored(output, layer, self.dtype)


@contextmanager
def collecting(
    network: nn.Module,
    *,
    layers: Collection[str],
    stored: Collection[str],
    dtype: torch.dtype,
) -> Iterator[Callable[[torch.Tensor], Collected]]:
    """Yield a function that pushes images through a network once and returns what is kept.

    The network is traced and hooked once for the whole block: a trace takes as long as an image.

    Parameters
    ----------
    network
        In eval mode.
    layers
        Every layer, in the order of the table.
    stored
        Layers whose activations are kept.
    dtype
        float16 or float32, for the activations.

    Yields
    ------
    function
        Takes normalised images ``(n, 3, 224, 224)`` on the network's device.
    """
    calls = layer_calls(network)
    observer = _Observer(rectified_layers(calls), joined_layers(calls), stored, dtype)

    def collect(inputs: torch.Tensor) -> Collected:
        observer.clear()
        logits = network(inputs)
        values = torch.cat([observer.peaks[layer][0] for layer in layers], dim=1)
        positions = torch.cat([observer.peaks[layer][1] for layer in layers], dim=1)
        return Collected(
            logits=logits.float().cpu().numpy(),
            values=values.float().cpu().numpy(),
            positions=positions.to(torch.int16).cpu().numpy(),
            activations=dict(observer.activations),
        )

    with torch.inference_mode(), observing(network, observer, calls=calls):
        yield collect


def _stored(output: torch.Tensor, layer: str, dtype: torch.dtype) -> np.ndarray:
    if dtype == torch.float16 and bool((output.abs().amax() > FLOAT16_MAXIMUM).item()):
        raise UserError(
            f"an activation of {output.abs().amax().item():.4g} does not fit float16",
            where=f"layer {layer}",
            remedy="Set features.activations to float32.",
        )
    return output.to(dtype).contiguous().cpu().numpy()

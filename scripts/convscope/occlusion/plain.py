"""Plain batches: every occluded image through the whole network; baseline, fallback and oracle."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from convscope.networks.layers import layer_calls, observing
from convscope.occlusion.grid import Grid
from convscope.occlusion.responses import Responses

IMAGES_AT_ONCE = {"cpu": 8, "cuda": 128}
"""Images in one forward pass: on a CPU, more than 8 only leave its caches."""


@dataclass(eq=False)
class PlainRun:
    """One image under way; ``logits`` and ``activity`` start with the clean image's."""

    clean: torch.Tensor
    fill: torch.Tensor
    channel: int | None = None
    logits: list[torch.Tensor] = field(default_factory=list)
    activity: list[torch.Tensor] = field(default_factory=list)


class PlainEngine:
    """Computes the logits of a network for an image under each of some patches.

    Parameters
    ----------
    network
        In eval mode.
    grid
        Where patches may lie.
    positions
        The patches to compute, as rows and columns of the grid, ``(P, 2)``.
    activity_layer
        The last convolution's ReLU; None where there is none.
    batch_size
        Images in one forward pass.
    """

    def __init__(
        self,
        network: nn.Module,
        grid: Grid,
        positions: np.ndarray,
        *,
        activity_layer: str | None,
        batch_size: int,
    ) -> None:
        self.network, self.grid = network, grid
        self.positions = np.asarray(positions, dtype=np.int64).reshape(-1, 2)
        self.activity_layer = activity_layer
        self._calls = layer_calls(network) if activity_layer else ()
        count = len(self.positions)
        self.chunks = [(n, min(n + batch_size, count)) for n in range(0, count, batch_size)]

    @torch.inference_mode()
    def begin(self, clean: torch.Tensor, fill: torch.Tensor) -> PlainRun:
        """Compute the clean image; both are normalised, ``(1, 3, H, W)``."""
        run = PlainRun(clean.contiguous(memory_format=torch.channels_last), fill)
        self._forward(run, run.clean)
        return run

    @torch.inference_mode()
    def advance(self, run: PlainRun, chunk: tuple[int, int]) -> None:
        """Compute one of the engine's chunks; they come in order, each once."""
        chosen = self.positions[slice(*chunk)]
        images = run.clean.repeat(len(chosen), 1, 1, 1)
        images = images.contiguous(memory_format=torch.channels_last)
        for image, (row, column) in zip(images, chosen.tolist(), strict=True):
            top, left, bottom, right = self.grid.box(row, column)
            image[:, top:bottom, left:right] = run.fill[0, :, top:bottom, left:right]
        self._forward(run, images)

    def finish(self, run: PlainRun) -> Responses:
        """Return the responses once all chunks have been computed."""
        logits = torch.cat(run.logits).cpu().numpy()
        activity = torch.cat(run.activity).cpu().numpy() if run.activity else None
        return Responses(
            self.positions,
            clean_logits=logits[0],
            logits=logits[1:],
            channel=run.channel,
            clean_activity=None if activity is None else float(activity[0]),
            activity=None if activity is None else activity[1:],
        )

    def _forward(self, run: PlainRun, images: torch.Tensor) -> None:
        watching = nullcontext()
        if self.activity_layer is not None:
            callback = _summing(run)
            layers = [self.activity_layer]
            watching = observing(self.network, callback, layers=layers, calls=self._calls)
        with watching:
            run.logits.append(self.network(images))


def _summing(run: PlainRun) -> Callable[[str, torch.Tensor], None]:
    """Return what adds up the channel of a layer that is strongest in the clean image."""

    def callback(_layer: str, output: torch.Tensor) -> None:
        if run.channel is None:
            run.channel = int(output[0].double().sum((1, 2)).argmax())
        run.activity.append(output[:, run.channel].double().sum((1, 2)))

    return callback

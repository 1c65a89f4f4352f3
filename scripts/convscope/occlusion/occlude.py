"""Occlusion maps of images: one network, one occluder, any method."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np
import torch
from torch import nn

from convscope.batching import free_memory, is_out_of_memory
from convscope.errors import UserError
from convscope.occlusion.coarse import (
    Refinement,
    coarse_positions,
    compared,
    completed,
    fine_positions,
)
from convscope.occlusion.engines import Engine, Engines
from convscope.occlusion.fills import fill_image
from convscope.occlusion.grid import Grid
from convscope.occlusion.maps import OcclusionMaps, maps_of
from convscope.occlusion.occluders import Occluder
from convscope.occlusion.responses import Responses
from convscope.variants.network_input import network_input

METHODS = ("auto", "exact", "plain", "coarse_to_fine")


@dataclass(frozen=True)
class Method:
    """How maps are computed.

    Parameters
    ----------
    name
        ``auto`` (the cheaper of ``exact`` and ``plain``, by counted operations), ``exact``,
        ``plain`` or ``coarse_to_fine``.
    refinement
        Of ``coarse_to_fine``.
    compare
        Whether ``coarse_to_fine`` computes the exact map too, and says how far it is from that.
    """

    name: str = "auto"
    refinement: Refinement = field(default_factory=Refinement)
    compare: bool = False

    def __post_init__(self) -> None:
        if self.name not in METHODS:
            raise UserError(
                f"unknown method {self.name!r}",
                where="method",
                remedy=f"Use one of {', '.join(METHODS)}.",
            )


def planned_method(name: str, refinement: Mapping[str, Any]) -> Method:
    """Return the method of a rule's settings: ``every``, ``share`` and ``compare``, or nothing."""
    if not refinement:
        return Method(name)
    refined = Refinement(refinement["every"], refinement["share"])
    return Method(name, refined, refinement["compare"])


class Occlusion:
    """Slides a patch over images and records what a network says.

    Parameters
    ----------
    network
        In eval mode, on its device; its weights are put into channels-last memory.
    occluder
        The patch.
    mean, std
        Of the network's transform, RGB in [0, 1].
    method
        How maps are computed.
    image_size
        Height and width of the images.
    memory
        About how many bytes the incremental engine's tables may take at once; it takes less by
        itself where that is not to be had.
    batch_size
        Images in one forward pass of plain batches.

    Raises
    ------
    UserError
        If the network holds an operation that the engines do not know.
    """

    def __init__(
        self,
        network: nn.Module,
        occluder: Occluder,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        method: Method | str = "auto",
        image_size: tuple[int, int] = (224, 224),
        memory: int | None = None,
        batch_size: int | None = None,
    ) -> None:
        self.method = Method(method) if isinstance(method, str) else method
        self.occluder, self.mean, self.std = occluder, mean, std
        self.grid = Grid(image_size, occluder.patch, occluder.stride)
        network = network.to(memory_format=torch.channels_last)
        self.engines = Engines(network, self.grid, memory=memory, batch_size=batch_size)
        self._choice: str | None = None
        self._kept: tuple[str, np.ndarray, Engine] | None = None

    def maps(self, pixels: np.ndarray, label: int | None) -> OcclusionMaps:
        """Return the maps of one image.

        Parameters
        ----------
        pixels
            uint8 RGB, ``(3, H, W)``.
        label
            The index of its class, or None.

        Raises
        ------
        UserError
            If the network does not have the label, or computes NaN or infinity.
        """
        steps = self.steps(pixels, label)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value

    @property
    def positions(self) -> int:
        """Return how many positions the steps of one image add up to."""
        every = len(self.grid.positions())
        if self.method.name != "coarse_to_fine":
            return every
        refinement = self.method.refinement
        coarse = len(coarse_positions(self.grid, refinement))
        return coarse + round(refinement.share * every) + every * self.method.compare

    def steps(self, pixels: np.ndarray, label: int | None) -> Generator[None, None, OcclusionMaps]:
        """Compute the maps of one image as ``maps`` does; yields once for every position."""
        clean, fill = self._inputs(pixels)
        if self.method.name == "coarse_to_fine":
            return (yield from self._refined(clean, fill, label))
        name = self._resolved(self.method.name)
        return (yield from self._all(name, clean, fill, label))

    def _all(
        self, name: str, clean: torch.Tensor, fill: torch.Tensor, label: int | None
    ) -> Generator[None, None, OcclusionMaps]:
        every = self.grid.positions()
        responses = yield from self._responses(name, every, clean, fill)
        return maps_of(responses, self.grid, label, name)

    def _refined(
        self, clean: torch.Tensor, fill: torch.Tensor, label: int | None
    ) -> Generator[None, None, OcclusionMaps]:
        refinement, name = self.method.refinement, self._resolved("auto")
        first = coarse_positions(self.grid, refinement)
        responses = yield from self._responses(name, first, clean, fill)
        coarse = maps_of(responses, self.grid, label, name)
        second = fine_positions(coarse, refinement)
        # Those that were chosen but are known already.
        chosen = round(refinement.share * coarse.evaluated.size)
        yield from repeat(None, chosen - len(second))
        fine = coarse
        if len(second):
            responses = yield from self._responses(name, second, clean, fill)
            fine = maps_of(responses, self.grid, label, name)
        maps = completed(coarse, fine, refinement)
        if self.method.compare:
            maps = compared(maps, (yield from self._all(name, clean, fill, label)))
        return maps

    def _resolved(self, name: str) -> str:
        """Return the engine's name; it is chosen once, for all positions."""
        if name == "auto":
            if self._choice is None:
                self._choice = self.engines.choose(self.grid.positions())
            return self._choice
        return name

    def _inputs(self, pixels: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the normalised image and the normalised fill, ``(1, 3, H, W)``."""
        if pixels.shape != (3, *self.grid.image) or pixels.dtype != np.uint8:
            expected = (3, *self.grid.image)
            raise ValueError(f"expected uint8 {expected}, not {pixels.dtype} {pixels.shape}")
        engines = self.engines
        rgb = torch.from_numpy(pixels).to(engines.device).to(engines.dtype) / 255
        fill = fill_image(rgb, self.occluder, self.mean)
        both = (image[None].clone() for image in (rgb, fill))
        return tuple(network_input(image, self.mean, self.std) for image in both)

    def _responses(
        self, name: str, positions: np.ndarray, clean: torch.Tensor, fill: torch.Tensor
    ) -> Generator[None, None, Responses]:
        """Compute some positions; where memory runs out, with less of it from the beginning."""
        reported = 0
        while True:
            try:
                engine = self._made(name, positions, clean)
                run = engine.begin(clean, fill)
                for first, last in engine.chunks:
                    engine.advance(run, (first, last))
                    yield from repeat(None, last - reported)
                    reported = max(reported, last)
                return engine.finish(run)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._kept = None
                run = engine = None
                self.engines.shrink()
            # Only now has nothing that failed a name any more.
            free_memory()

    def _made(self, name: str, positions: np.ndarray, clean: torch.Tensor) -> Engine:
        """Return an engine; the last one is kept, because most images need the same."""
        if self._kept is not None:
            kept_name, kept_positions, engine = self._kept
            if kept_name == name and np.array_equal(kept_positions, positions):
                return engine
        self._kept = None
        make = self.engines.plain if name == "plain" else partial(self.engines.exact, image=clean)
        engine = make(positions)
        self._kept = (name, positions, engine)
        return engine

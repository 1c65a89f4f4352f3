"""Which engine computes a network's responses, and with which convolutions."""

import logging
from typing import Protocol

import numpy as np
import torch
from torch import nn

from convscope.deconvnet.program import program_of
from convscope.errors import UserError
from convscope.occlusion.accuracy import WORST_RATIO, error_ratio
from convscope.occlusion.counting import Counter, Operations
from convscope.occlusion.exact import MEMORY, ExactEngine
from convscope.occlusion.graph import activity_step, graph_of
from convscope.occlusion.grid import Grid
from convscope.occlusion.layout import PADDING_ROWS
from convscope.occlusion.plain import IMAGES_AT_ONCE, PlainEngine
from convscope.occlusion.responses import Responses
from convscope.occlusion.winograd import transformed_weights

LOGGER = logging.getLogger(__name__)
LEAST_MEMORY = 1 << 20


class Engine(Protocol):
    """What both engines do."""

    chunks: list[tuple[int, int]]

    def begin(self, clean: torch.Tensor, fill: torch.Tensor) -> object:
        """Compute the clean image."""

    def advance(self, run: object, chunk: tuple[int, int]) -> None:
        """Compute one of the chunks."""

    def finish(self, run: object) -> Responses:
        """Return the responses."""


class Engines:
    """Makes engines for a network and a grid.

    Parameters
    ----------
    network
        In eval mode, in its final place and type; its convolutions in channels-last memory.
    grid
        Where patches may lie.
    memory
        About how many bytes the incremental engine's tables may take at once.
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
        grid: Grid,
        *,
        memory: int | None = None,
        batch_size: int | None = None,
    ) -> None:
        first = next(network.parameters())
        self.network, self.grid = network, grid
        self.device, self.dtype = first.device, first.dtype
        self.memory = memory or MEMORY[self.device.type]
        self.batch_size = batch_size or IMAGES_AT_ONCE[self.device.type]
        program = program_of(network, grid.image)
        self.graph = graph_of(program, grid.image)
        place = activity_step(program)
        self._activity_layer = None if place is None else program.steps[place].layer
        self._fast: dict[int, torch.Tensor] | None = None

    def operations(self, positions: np.ndarray) -> Operations:
        """Return what both engines would compute for some positions, and what it costs."""
        counter = self._counter(positions)
        fast = self._fast if self._fast is not None else self._candidates(counter)
        return counter.operations(fast)

    def choose(self, positions: np.ndarray) -> str:
        """Return ``exact`` or ``plain``, whichever is expected to be cheaper."""
        operations = self.operations(positions)
        chosen = "exact" if operations.exact_cost < operations.plain_cost else "plain"
        LOGGER.info(
            "occlusion: %s, %.3g multiply-adds an image (plain batches %.3g, expected %.1f times "
            "the cost)",
            chosen,
            operations.exact if chosen == "exact" else operations.plain,
            operations.plain,
            operations.plain_cost / operations.exact_cost,
        )
        return chosen

    @torch.inference_mode()
    def exact(self, positions: np.ndarray, image: torch.Tensor) -> ExactEngine:
        """Return the incremental engine.

        Parameters
        ----------
        positions
            Rows and columns of the grid, ``(P, 2)``.
        image
            A normalised image ``(1, 3, H, W)``, on which the fast convolutions are tried the first
            time.
        """
        if self._fast is None:
            candidates = self._candidates(self._counter(positions))
            self._fast = self._accurate(candidates, image)
        return self._exact(positions, self._fast)

    def plain(self, positions: np.ndarray) -> PlainEngine:
        """Return plain batches."""
        return PlainEngine(
            self.network,
            self.grid,
            positions,
            activity_layer=self._activity_layer,
            batch_size=self.batch_size,
        )

    def shrink(self) -> None:
        """Take half the memory from now on, and say so.

        Raises
        ------
        UserError
            If there is nothing left to halve.
        """
        if self.memory <= LEAST_MEMORY and self.batch_size == 1:
            raise UserError(
                "the memory does not suffice for one position",
                where=f"occlusion on {self.device}",
                remedy="Free memory, or give the job more of it.",
            )
        self.memory = max(LEAST_MEMORY, self.memory // 2)
        self.batch_size = max(1, self.batch_size // 2)
        LOGGER.warning(
            "occlusion: out of memory; starting again with tables of %d MB and batches of %d",
            self.memory >> 20,
            self.batch_size,
        )

    def _exact(self, positions: np.ndarray, fast: dict[int, torch.Tensor]) -> ExactEngine:
        return ExactEngine(
            self.graph,
            self.grid,
            positions,
            device=self.device,
            dtype=self.dtype,
            fast=fast,
            memory=self.memory,
        )

    def _counter(self, positions: np.ndarray) -> Counter:
        return Counter(self.graph, self.grid, positions, self.device.type)

    def _candidates(self, counter: Counter) -> frozenset[int]:
        """Return the convolutions that would gain; none in float64, where nothing may be lost."""
        return counter.fast_nodes() if self.dtype == torch.float32 else frozenset()

    def _accurate(self, candidates: frozenset[int], image: torch.Tensor) -> dict[int, torch.Tensor]:
        """Return those candidates that hardly err more than plain ones, with their weights."""
        if not candidates:
            return {}
        maps = self._maps_read(candidates, image)
        kept = {}
        for place in sorted(candidates):
            weight = self.graph.nodes[place].step.tensors["weight"]
            fast = transformed_weights(weight)
            if error_ratio(maps[place], weight, fast) <= WORST_RATIO:
                kept[place] = fast
        if len(kept) < len(candidates):
            LOGGER.info(
                "occlusion: %d of %d fast convolutions are left out for their errors",
                len(candidates) - len(kept),
                len(candidates),
            )
        return kept

    def _maps_read(self, places: frozenset[int], image: torch.Tensor) -> dict[int, torch.Tensor]:
        """Return what some convolutions read of a clean image, ``(1, C, H, W)``."""
        # A single patch of one pixel: hardly anything but the clean image is computed.
        grid = Grid(self.grid.image, (1, 1), self.grid.image)
        engine = ExactEngine(
            self.graph, grid, np.zeros((1, 2)), device=self.device, dtype=self.dtype
        )
        tables = engine.begin(image, image).tables
        found = {}
        for place in places:
            source = self.graph.nodes[self.graph.nodes[place].sources[0]]
            rows, columns = source.sides
            table = tables[self.graph.nodes[place].sources[0]]
            clean = table[PADDING_ROWS : PADDING_ROWS + rows * columns]
            found[place] = clean.view(1, rows, columns, -1).permute(0, 3, 1, 2)
        return found

"""What the incremental engine computes, tile by tile, for a network, a grid and some positions.

Nothing here depends on an image: a plan serves all images.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from convscope.deconvnet.axes import padding_of, pair
from convscope.deconvnet.receptive_fields import averaging_matrix, step_taps
from convscope.occlusion.graph import Graph, Node
from convscope.occlusion.grid import Grid
from convscope.occlusion.layout import (
    LOWEST,
    PADDING_ROWS,
    ZERO,
    Layout,
    Tiles,
    in_one_piece,
    one_by_one,
    segments_of,
)
from convscope.occlusion.states import AxisStates, states_of
from convscope.occlusion.winograd import tile_sizes

Index = tuple[np.ndarray, np.ndarray]
INHERITING = ("pointwise", "rowwise")
KEPT_STAGES, KEPT_POSITIONS = 64, 2048
"""Stages are kept for the next image unless there are more positions than this."""


@dataclass(frozen=True, eq=False)
class Work:
    """Tiles of a node and the rows of its sources' tables that they read.

    ``reads`` has an int32 tensor per source: windows ``(T, h, w)`` of convolutions and max
    poolings, ``(h, w, T)`` of fast ones; taps ``(T * h * w, taps)`` of averages;
    ``(T * h * w,)`` of joins. An average is the sum by ``weights`` ``(T * h * w, taps)``, None
    where all are one, over ``divisors`` ``(T * h * w, 1)``: a mean's rounding, not its weights'.
    """

    tiles: Tiles
    reads: tuple[torch.Tensor, ...]
    weights: torch.Tensor | None = None
    divisors: torch.Tensor | None = None


@dataclass(frozen=True, eq=False)
class Stage:
    """All that is computed together.

    Parameters
    ----------
    works
        By node; nodes that inherit their source's layout have none.
    first, last
        The rows of each node's table that the stage fills, half-open.
    maps
        For each node that is flattened or summed, the table's rows of every position of the map
        ``(n, H * W)``, one line a patch.
    """

    works: dict[int, list[Work]]
    first: dict[int, int]
    last: dict[int, int]
    maps: dict[int, torch.Tensor]


class Plan:
    """The layouts of all nodes and the stages of the computation.

    Parameters
    ----------
    graph
        Of the network.
    grid
        Where patches may lie.
    positions
        The patches to compute, as rows and columns of the grid, ``(P, 2)``.
    fast
        The nodes that use the fast convolution.
    device
        Where the tables will lie.

    Attributes
    ----------
    base
        The stage of the clean image and of what several patches share.
    """

    def __init__(
        self,
        graph: Graph,
        grid: Grid,
        positions: np.ndarray,
        fast: Collection[int],
        device: torch.device,
    ) -> None:
        self.graph, self.fast, self.device = graph, frozenset(fast), device
        self.positions = np.asarray(positions, dtype=np.int64).reshape(-1, 2)
        self._states = [
            states_of(graph, axis, grid.starts(axis), grid.patch[axis]) for axis in (0, 1)
        ]
        self.layouts: dict[int, Layout] = {}
        for place, node in enumerate(graph.nodes):
            self._lay_out(place, node)
        self.base = self._base()
        kept = KEPT_STAGES if len(self.positions) <= KEPT_POSITIONS else 1
        self.stage = lru_cache(maxsize=kept)(self._stage)

    def states(self, place: int) -> tuple[AxisStates, AxisStates]:
        """Return the states of a node's rows and columns."""
        return self._states[0][place], self._states[1][place]

    def _base(self) -> Stage:
        """Return the stage of the clean image and of what several patches share."""
        whole, clean = self._states[0][0].whole, self._states[0][0].clean
        across, clear = self._states[1][0].whole, self._states[1][0].clean
        rows, columns = (np.unique(self.positions[:, axis]) for axis in (0, 1))
        shared = (
            np.concatenate([rows, np.full(len(columns) + 1, whole)]),
            np.concatenate([np.full(len(rows), across), columns, [across]]),
        )
        tables = [p for p in self.layouts if self.graph.table(p) == p]
        first = dict.fromkeys(tables, PADDING_ROWS)
        return self._staged([(np.array([clean]), np.array([clear])), shared], first)

    def rows_of(self, place: int) -> np.ndarray:
        """Return how many rows each position takes in a node's table, ``(P,)``."""
        layout = self.layouts[place]
        taken = [(s.count * s.sizes).sum(1) for s in layout.segments]
        return taken[0][self.positions[:, 0]] * taken[1][self.positions[:, 1]]

    def _stage(self, first: int, last: int) -> Stage:
        """Return the stage of the positions from ``first`` to ``last``, half-open."""
        chosen = self.positions[first:last]
        return self._staged([(chosen[:, 0], chosen[:, 1])], self.base.last)

    def _lay_out(self, place: int, node: Node) -> None:
        """Give a node of maps its layout; what is written into a concatenation has its layout."""
        if node.kind in ("flatten", "vector"):
            return
        table = self.graph.table(place)
        if node.kind in INHERITING:
            self.layouts[place] = self.layouts[node.sources[0]]
        elif table in self.layouts:
            self.layouts[place] = self.layouts[table]
        else:
            writers = [p for p in range(table + 1) if self.graph.table(p) == table]
            split: Callable[[int], list[int]] = one_by_one
            if self.fast.intersection(writers):
                split = tile_sizes
            elif node.kind in ("conv", "maxpool", "input"):
                split = in_one_piece
            states = self.states(table)
            layout = Layout(states, tuple(segments_of(s, split) for s in states), self.device)
            self.layouts[place] = self.layouts[table] = layout

    def _staged(self, patches: list[Index], first: dict[int, int]) -> Stage:
        """Place patches, in the order of the list, and find what their tiles read."""
        works: dict[int, list[Work]] = {}
        last, maps = dict(first), {}
        tiles: dict[int, list[Tiles]] = {}
        for place, node in enumerate(self.graph.nodes):
            if place not in self.layouts:
                continue
            layout, table = self.layouts[place], self.graph.table(place)
            if node.kind in INHERITING:
                last[place] = last[self.graph.table(node.sources[0])]
            elif table not in tiles:
                tiles[table] = []
                for index in patches:
                    placed = layout.place(index, last[table])
                    last[table] += sum(t.rows for t in placed)
                    tiles[table] += placed
            if node.kind not in (*INHERITING, "input", "concat") or self._copies(place):
                works[place] = [self._work(place, node, t) for t in tiles[table]]
            if self._is_gathered(place):
                maps[place] = self._whole_maps(layout, patches[0])
        return Stage(works, first, last, maps)

    def _copies(self, place: int) -> bool:
        """Return whether a concatenation's branches have tables of their own."""
        node = self.graph.nodes[place]
        return node.kind == "concat" and self.graph.table(node.sources[0]) != place

    def _is_gathered(self, place: int) -> bool:
        if place == self.graph.activity:
            return True
        return any(self.graph.nodes[r].kind == "flatten" for r in self.graph.readers(place))

    def _whole_maps(self, layout: Layout, index: Index) -> torch.Tensor:
        places = tuple(np.tile(np.arange(side), (len(index[0]), 1)) for side in layout.sides)
        return layout.locate(index, places, ZERO).flatten(1)

    def _work(self, place: int, node: Node, tiles: Tiles) -> Work:
        sources = [self.layouts[source] for source in node.sources]
        if node.kind in ("conv", "maxpool"):
            windows = tuple(_window(node, axis, tiles) for axis in (0, 1))
            padding = ZERO if node.kind == "conv" else LOWEST
            reads = sources[0].locate(tiles.index, windows, padding)
            if self.is_fast(place, tiles):
                reads = reads.permute(1, 2, 0).contiguous()
            return Work(tiles, (reads,))
        covered = tuple(
            s[:, None] + np.arange(n) for s, n in zip(tiles.start, tiles.size, strict=True)
        )
        if node.kind in ("concat", "add"):
            return Work(
                tiles,
                tuple(source.locate(tiles.index, covered, ZERO).flatten() for source in sources),
            )
        taps, weights = zip(
            *(_average(node, axis, covered[axis], sources[0].sides[axis]) for axis in (0, 1)),
            strict=True,
        )
        both = weights[0][:, :, None, :, None] * weights[1][:, None, :, None, :]
        both = both.reshape(-1, both.shape[3] * both.shape[4])
        largest = both.max(1, keepdims=True)
        largest[largest == 0] = 1
        scaled = both / largest
        return Work(
            tiles,
            (_by_position(sources[0], tiles, taps),),
            None if (scaled == 1).all() else torch.from_numpy(scaled).to(self.device),
            torch.from_numpy(1 / largest).to(self.device),
        )

    def is_fast(self, place: int, tiles: Tiles) -> bool:
        """Return whether tiles go through the fast convolution; the clean image's never do."""
        return place in self.fast and tiles.index[0][0] != self._states[0][place].clean


def _window(node: Node, axis: int, tiles: Tiles) -> np.ndarray:
    """Return the places ``(T, h)`` that a convolution or max pooling reads along an axis."""
    module = node.step.module
    stride, dilation = pair(module.stride, axis), pair(module.dilation, axis)
    span = (tiles.size[axis] - 1) * stride + dilation * (pair(module.kernel_size, axis) - 1) + 1
    first = tiles.start[axis] * stride - padding_of(module, axis)[0]
    return first[:, None] + np.arange(span)


def _average(
    node: Node, axis: int, covered: np.ndarray, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the places ``(T, h, k)`` that an average pooling reads, and their weights."""
    matrix = averaging_matrix(node.step, axis, side)
    taps = step_taps(node.step, axis, side)
    length = int((taps.last - taps.first).max()) + 1
    inside = np.clip(covered, 0, len(matrix) - 1)
    places = taps.first[inside][..., None] + np.arange(length)
    within = (places >= 0) & (places < side)
    weights = np.where(within, matrix[inside[..., None], np.clip(places, 0, side - 1)], 0.0)
    return np.where(within, places, -1), weights


def _by_position(source: Layout, tiles: Tiles, taps: tuple[np.ndarray, np.ndarray]) -> torch.Tensor:
    """Return the table's rows that each position of the tiles reads, ``(T * h * w, taps)``."""
    (height, down), (width, across) = (t.shape[1:] for t in taps)
    flat = tuple(t.reshape(len(tiles), -1) for t in taps)
    found = source.locate(tiles.index, flat, ZERO)
    found = found.view(len(tiles), height, down, width, across).transpose(2, 3)
    return found.reshape(-1, down * across)

"""Operations of both engines, counted before anything is computed, and which way is cheaper.

Costs are in multiply-adds of a convolution in plain batches. The constants were measured on a CPU
(AVX-512, float32, one and two threads); they are constants, not measurements of the run, so that
the choice is the same every time.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np

from convscope.deconvnet.axes import pair
from convscope.occlusion.graph import Graph, Node
from convscope.occlusion.grid import Grid
from convscope.occlusion.states import AxisStates, runs, states_of
from convscope.occlusion.winograd import KERNEL, tile_sizes

MOVING = 30
"""The cost of an element that is gathered, transformed or stored once."""
PRODUCT = 1.25
"""The cost of a multiply-add of a matrix product."""
CALL = {"cpu": 2e6, "cuda": 2e8}
"""The cost of starting an operation; that of CUDA is an estimate."""
MARGIN = 0.85
"""The other way is taken where it costs less than this share of the usual one."""
WEIGHTED = ("conv", "pointwise")


@dataclass(frozen=True)
class Operations:
    """Multiply-adds and costs of all positions of one image, the clean image included.

    Parameters
    ----------
    plain, exact
        Multiply-adds of plain batches; and of the incremental engine, with 9 for each output and
        input channel of a 3x3 convolution, whether it is a fast one or not.
    plain_cost, exact_cost
        What they are expected to cost.
    """

    plain: float
    exact: float
    plain_cost: float
    exact_cost: float


class Counter:
    """Counts for a network, a grid and some positions.

    Parameters
    ----------
    graph
        Of the network.
    grid
        Where patches may lie.
    positions
        Rows and columns of the grid, ``(P, 2)``.
    device
        ``cpu`` or ``cuda``.
    """

    def __init__(self, graph: Graph, grid: Grid, positions: np.ndarray, device: str) -> None:
        self.graph, self._device = graph, device
        self._states = [
            states_of(graph, axis, grid.starts(axis), grid.patch[axis]) for axis in (0, 1)
        ]
        self._positions = positions
        self._patches = self._all_patches()
        self._runs: dict[tuple[int, int], list[list[tuple[int, int]]]] = {}

    def fast_nodes(self) -> frozenset[int]:
        """Return the 3x3 convolutions that are expected to be cheaper as fast ones."""
        return frozenset(
            place
            for place, node in enumerate(self.graph.nodes)
            if _can_be_fast(node)
            and self._cost(place, node, True) < MARGIN * self._cost(place, node, False)
        )

    def operations(self, fast: Collection[int]) -> Operations:
        """Return what both engines compute, and what it costs.

        Parameters
        ----------
        fast
            The nodes that use the fast convolution.
        """
        plain = exact = plain_cost = exact_cost = 0.0
        count = len(self._positions) + 1
        for place, node in enumerate(self.graph.nodes):
            if node.kind == "vector":
                products = node.step.tensors["weight"].numel() if node.step.kind == "linear" else 0
                plain += count * products
                exact += count * products
                plain_cost += count * products * PRODUCT
                exact_cost += count * products * PRODUCT
            elif node.kind not in ("input", "flatten"):
                outputs = node.sides[0] * node.sides[1]
                plain += count * outputs * _products(node)
                plain_cost += count * outputs * (_products(node) + 2 * MOVING * node.channels)
                exact += self._total(place, _length) * _products(node)
                exact_cost += self._cost(place, node, place in fast)
        return Operations(plain, exact, plain_cost, exact_cost)

    def _cost(self, place: int, node: Node, fast: bool) -> float:
        """Return the cost of a node in the incremental engine."""
        sources = [self.graph.nodes[source] for source in node.sources]
        read = sum(source.channels for source in sources)
        if fast:
            points = self._total(place, _points)
            outputs = self._total(place, _covered)
            moved = points * (3 * read + 2 * node.channels) + outputs * node.channels
            return points * read * node.channels * PRODUCT + MOVING * moved + self._calls(place)
        outputs = self._total(place, _length)
        windows = self._total(place, *(_window(node, axis) for axis in (0, 1)))
        moved = windows * read + 2 * outputs * node.channels
        return outputs * _products(node) + MOVING * moved + self._calls(place)

    def _calls(self, place: int) -> float:
        """Return the cost of starting operations: a few for each size of piece."""
        sizes = [len({b - a for own in self._own(place, axis) for a, b in own}) for axis in (0, 1)]
        return 4 * sizes[0] * sizes[1] * CALL[self._device]

    def _total(
        self,
        place: int,
        rows: Callable[[int], float],
        columns: Callable[[int], float] | None = None,
    ) -> float:
        """Return the sum over all patches of a measure of rows times one of columns."""
        measures = (rows, columns or rows)
        sums = []
        for axis, measure in enumerate(measures):
            own = self._own(place, axis)
            sums.append(np.array([sum(measure(b - a) for a, b in pieces) for pieces in own]))
        patches = self._patches
        return float((sums[0][patches[:, 0]] * sums[1][patches[:, 1]]).sum())

    def _own(self, place: int, axis: int) -> list[list[tuple[int, int]]]:
        if (place, axis) not in self._runs:
            states: AxisStates = self._states[axis][place]
            self._runs[place, axis] = [runs(mask) for mask in states.own]
        return self._runs[place, axis]

    def _all_patches(self) -> np.ndarray:
        """Return the positions, what they share, and the clean image, as indices of states."""
        first = [states[0] for states in self._states]
        rows, columns = (np.unique(self._positions[:, axis]) for axis in (0, 1))
        patches = [*self._positions.tolist(), [first[0].clean, first[1].clean]]
        patches += [[row, first[1].whole] for row in rows]
        patches += [[first[0].whole, column] for column in columns]
        return np.array([*patches, [first[0].whole, first[1].whole]])


def _length(length: int) -> float:
    return length


def _points(length: int) -> float:
    return sum(size + KERNEL - 1 for size in tile_sizes(length))


def _covered(length: int) -> float:
    return sum(tile_sizes(length))


def _window(node: Node, axis: int) -> Callable[[int], float]:
    """Return how many places of its source a run of a node's places reads."""
    module = node.step.module
    if node.kind not in ("conv", "maxpool"):
        return _length
    kernel, stride = pair(module.kernel_size, axis), pair(module.stride, axis)
    span = pair(module.dilation, axis) * (kernel - 1) + 1
    return lambda length: (length - 1) * stride + span


def _products(node: Node) -> float:
    """Return the multiply-adds of one position of a node's output."""
    return node.step.tensors["weight"].numel() if node.kind in WEIGHTED else 0


def _can_be_fast(node: Node) -> bool:
    if node.kind != "conv":
        return False
    module = node.step.module
    ones = [pair(value, axis) for value in (module.stride, module.dilation) for axis in (0, 1)]
    kernel = [pair(module.kernel_size, axis) for axis in (0, 1)]
    return kernel == [KERNEL, KERNEL] and set(ones) == {1} and module.groups == 1

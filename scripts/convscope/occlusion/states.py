"""What each row (or column) of a map can see of each patch; needs no computation.

Rows and columns are independent, because patches and windows are rectangles. Of a patch that
covers an interval of the image's rows, a row of a map sees nothing (OUT), nothing but the patch
(IN), or both it and the image (EDGE). A position of a map is the clean image's where its row or its
column is OUT. Where a row is IN, it is the same as under a patch that covers all rows, and so is
shared by all patches of that column. What is left, EDGE by EDGE, is the patch's own.
"""

from dataclasses import dataclass

import numpy as np

from convscope.deconvnet.axes import Taps
from convscope.deconvnet.receptive_fields import step_taps
from convscope.occlusion.graph import Graph

OUT, IN, EDGE = 0, 1, 2
SHORTEST_SHARED = 3
"""Shorter runs of IN are computed with the edges on both sides: one window in place of two."""


@dataclass(frozen=True, eq=False)
class AxisStates:
    """One axis of one node.

    ``state`` ``(n + 2, side)`` holds a row for each of the n patch positions along the axis, then
    one for a patch that covers everything (``whole``) and one for no patch (``clean``).
    """

    state: np.ndarray

    @property
    def whole(self) -> int:
        """Return the index of the patch that covers everything."""
        return len(self.state) - 2

    @property
    def clean(self) -> int:
        """Return the index of no patch."""
        return len(self.state) - 1

    @property
    def own(self) -> np.ndarray:
        """Return which places each patch position has of its own, boolean like ``state``."""
        own = self.state == EDGE
        own[self.whole] = self.state[self.whole] == IN
        return own

    @property
    def owner(self) -> np.ndarray:
        """Return whose own each place is, like ``state``; meaningless where that is OUT."""
        index = np.arange(len(self.state))[:, None]
        return np.where(self.state == IN, self.whole, index)


def states_of(graph: Graph, axis: int, starts: np.ndarray, length: int) -> list[AxisStates | None]:
    """Return the states of every node along an axis; None for vectors.

    Parameters
    ----------
    graph
        Of the network.
    axis
        0 for rows, 1 for columns.
    starts
        The first pixel of each patch position along the axis, ``(n,)``.
    length
        The patch's side along the axis, in pixels.
    """
    states: list[AxisStates | None] = []
    for node in graph.nodes:
        sources = [states[source] for source in node.sources]
        if node.kind == "input":
            states.append(_image(starts, length, node.sides[axis]))
        elif node.kind in ("flatten", "vector"):
            states.append(None)
        elif node.kind in ("pointwise", "rowwise"):
            states.append(sources[0])
        elif node.kind in ("concat", "add"):
            states.append(_joined([source.state[:-2] for source in sources]))
        else:
            side = graph.nodes[node.sources[0]].sides[axis]
            taps = step_taps(node.step, axis, side)
            states.append(_through(sources[0].state[:-2], taps))
    return states


def _image(starts: np.ndarray, length: int, side: int) -> AxisStates:
    pixels = np.arange(side)[None]
    inside = (pixels >= starts[:, None]) & (pixels < starts[:, None] + length)
    whole, clean = np.full((1, side), IN), np.full((1, side), EDGE)
    return AxisStates(np.concatenate([np.where(inside, IN, OUT), whole, clean]).astype(np.int8))


def _through(state: np.ndarray, taps: Taps) -> AxisStates:
    # Counts stay below 2^24, so that float32 is exact here and fast.
    reads = taps.matrix(state.shape[1]).astype(np.float32)
    total = reads.sum(1)
    out, inside = ((state == kind).astype(np.float32) @ reads.T for kind in (OUT, IN))
    return _completed(np.where(out == total, OUT, np.where(inside == total, IN, EDGE)))


def _joined(states: list[np.ndarray]) -> AxisStates:
    same = np.all([state == states[0] for state in states], axis=0)
    return _completed(np.where(same, states[0], EDGE))


def _completed(state: np.ndarray) -> AxisStates:
    for row in state:
        for first, last in runs(row == IN):
            if last - first < SHORTEST_SHARED:
                row[first:last] = EDGE
    # What nobody shares need not be known of the patch that covers everything.
    whole = np.where((state == IN).any(0, keepdims=True), IN, OUT)
    clean = np.full((1, state.shape[1]), EDGE)
    return AxisStates(np.concatenate([state, whole, clean]).astype(np.int8))


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Return first and one past the last place of each run of a boolean ``(side,)``."""
    changes = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in changes.reshape(-1, 2)]

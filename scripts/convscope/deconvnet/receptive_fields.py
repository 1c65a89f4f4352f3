"""The exact receptive field of any layer and position, clipped to the image or not."""

from dataclasses import dataclass

import numpy as np
from torch import nn

from convscope.deconvnet.axes import (
    Taps,
    adaptive_taps,
    averaging,
    interpolating,
    pair,
    window_taps,
)
from convscope.deconvnet.program import Program, Step, program_of
from convscope.errors import UserError

SAME = ("batchnorm", "relu", "identity", "linear")
UNPOOLINGS = ("switches", "interpolate")


@dataclass(frozen=True, eq=False)
class _Axis:
    """One axis of one layer: what each of its positions sees of the image.

    ``low`` and ``high`` ``(side,)`` bound it without the image's borders, half-open; ``jump`` is
    the step between neighbours, in pixels; ``seen`` ``(side, image side)`` is exact.
    """

    low: np.ndarray
    high: np.ndarray
    jump: int
    seen: np.ndarray

    @property
    def side(self) -> int:
        return len(self.low)

    def bounds(self) -> np.ndarray:
        """Return the first and one past the last pixel seen, ``(side, 2)``; (0, 0) if none is."""
        first = self.seen.argmax(1)
        last = self.seen.shape[1] - self.seen[:, ::-1].argmax(1)
        return np.where(self.seen.any(1)[:, None], np.stack([first, last], 1), 0)


class ReceptiveFields:
    """What every position of every layer sees of an image.

    Boxes are (top, left, bottom, right) in pixels, half-open. A position of a join sees the
    bounding box of its branches; a unit of a vector layer sees all that its map saw.

    Parameters
    ----------
    network
        The network or its program; nothing is computed, so the meta device will do.
    image_size
        Height and width of the image, in pixels.
    unpooling
        ``switches`` for the receptive field; ``interpolate`` for the slightly larger box that a
        projection with interpolation reaches.

    Raises
    ------
    UserError
        If the network holds an operation that has no known transpose.
    """

    def __init__(
        self,
        network: nn.Module | Program,
        image_size: tuple[int, int] = (224, 224),
        unpooling: str = "switches",
    ) -> None:
        self.program = network if isinstance(network, Program) else program_of(network, image_size)
        self.image_size = image_size
        self.unpooling = unpooling
        self._axes = [
            _axes_of(self.program, side, axis, unpooling) for axis, side in enumerate(image_size)
        ]
        self._bounds: dict[int, list[np.ndarray]] = {}

    def map_size(self, layer: str) -> tuple[int, int]:
        """Return rows and columns of a layer; (1, 1) for a vector."""
        return self.sides(self.program.index(layer))

    def sides(self, place: int) -> tuple[int, int]:
        """Return rows and columns of a step's output; (1, 1) for a vector."""
        return self._axes[0][place].side, self._axes[1][place].side

    def boxes(self, layer: str, positions: np.ndarray) -> np.ndarray:
        """Return what units see within the image.

        Parameters
        ----------
        layer
            The layer's name.
        positions
            Rows and columns, ``(n, 2)`` integers.

        Returns
        -------
        np.ndarray
            ``(n, 4)`` int64.

        Raises
        ------
        UserError
            If the layer is unknown or a position lies outside its map.
        """
        place, positions = self._checked(layer, positions)
        if place not in self._bounds:
            self._bounds[place] = [axes[place].bounds() for axes in self._axes]
        rows, columns = (b[positions[:, axis]] for axis, b in enumerate(self._bounds[place]))
        return np.stack([rows[:, 0], columns[:, 0], rows[:, 1], columns[:, 1]], 1)

    def whole(self, layer: str) -> np.ndarray:
        """Return the box ``(4,)`` that all positions of a layer see together."""
        height, width = self.map_size(layer)
        positions = np.stack(np.mgrid[:height, :width], -1).reshape(-1, 2)
        boxes = self.boxes(layer, positions)
        boxes = boxes[(boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])]
        return np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)])

    def size_and_stride(self, layer: str) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return height and width of a unit's unclipped field, and the steps between units."""
        place = self.program.index(layer)
        rows, columns = (axes[place] for axes in self._axes)
        size = (int(rows.high[0] - rows.low[0]), int(columns.high[0] - columns.low[0]))
        return size, (rows.jump, columns.jump)

    def _checked(self, layer: str, positions: np.ndarray) -> tuple[int, np.ndarray]:
        place = self.program.index(layer)
        positions = np.asarray(positions, dtype=np.int64).reshape(-1, 2)
        outside = (positions < 0) | (positions >= np.array(self.sides(place)))
        if outside.any():
            row, column = positions[outside.any(1)][0]
            raise UserError(
                f"position ({row}, {column}) is outside its map of {self.sides(place)}",
                where=f"layer {layer}",
                remedy="The peaks are another network's or another image size's: make them anew.",
            )
        return place, positions


def _axes_of(program: Program, side: int, axis: int, unpooling: str) -> list[_Axis]:
    axes: list[_Axis] = []
    for step in program.steps:
        if step.kind == "input":
            pixels = np.arange(side)
            axes.append(_Axis(pixels, pixels + 1, 1, np.eye(side, dtype=bool)))
            continue
        sources = [axes[source] for source in step.sources]
        if step.kind in ("concat", "add"):
            axes.append(_join(sources))
        elif step.kind in SAME:
            axes.append(sources[0])
        else:
            axes.append(_through(step, sources[0], axis, unpooling))
    return axes


def step_taps(step: Step, axis: int, side: int) -> Taps:
    """Return what an operation's output positions read along an axis of ``side`` positions."""
    if step.kind in ("flatten", "mean"):
        return adaptive_taps(1, side)
    if isinstance(step.module, nn.AdaptiveAvgPool2d):
        count = pair(step.module.output_size, axis)
        return adaptive_taps(side if count is None else count, side)
    return window_taps(step.module, axis, side)


def averaging_matrix(step: Step, axis: int, side: int) -> np.ndarray:
    """Return the matrix ``(out, side)`` of an average pooling of any kind along an axis."""
    taps = step_taps(step, axis, side)
    if not hasattr(step.module, "kernel_size"):
        return averaging(taps, side, None)
    divisor = step.module.divisor_override
    if divisor is not None:
        # It divides once, so all of it goes to the rows.
        return taps.matrix(side) / (divisor if axis == 0 else 1)
    padding = pair(step.module.padding, axis) if step.module.count_include_pad else None
    return averaging(taps, side, padding)


def _through(step: Step, source: _Axis, axis: int, unpooling: str) -> _Axis:
    taps = step_taps(step, axis, source.side)
    if step.kind == "maxpool" and unpooling == "interpolate":
        reads = interpolating(len(taps.first), source.side) > 0
    else:
        reads = taps.matrix(source.side)
    return _Axis(
        _continued(source.low, source.jump, taps.first),
        _continued(source.high, source.jump, taps.last),
        source.jump * taps.stride,
        # Counts stay below 2^24, so that float32 is exact here and fast.
        reads.astype(np.float32) @ source.seen.astype(np.float32) > 0,
    )


def _continued(values: np.ndarray, jump: int, places: np.ndarray) -> np.ndarray:
    """Return values at places, continued beyond both ends by ``jump`` a place."""
    inside = np.clip(places, 0, len(values) - 1)
    return values[inside] + (places - inside) * jump


def _join(sources: list[_Axis]) -> _Axis:
    return _Axis(
        np.min([axis.low for axis in sources], 0),
        np.max([axis.high for axis in sources], 0),
        max(axis.jump for axis in sources),
        np.any([axis.seen for axis in sources], 0),
    )

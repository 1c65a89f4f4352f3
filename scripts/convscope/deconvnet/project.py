"""Projections of units down to the pixels (Zeiler & Fergus, 2013, section 2.1).

A unit's activation goes down alone: unpooled with the switches of this image, rectified,
convolved with the transposed filters. All units of an image share one way down.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from convscope.deconvnet.program import Program, program_of
from convscope.deconvnet.receptive_fields import UNPOOLINGS, ReceptiveFields
from convscope.deconvnet.record import Tape, record
from convscope.deconvnet.rules import needs_gate
from convscope.deconvnet.seeds import Unit, seed_signals
from convscope.deconvnet.way_down import WayDown
from convscope.errors import UserError

SIGNAL_BYTES = 48 << 20
"""Signals above this are split: small pieces stay in caches and in memory already mapped."""


@dataclass(frozen=True, eq=False)
class Projection:
    """What a unit responds to.

    Parameters
    ----------
    unit
        Layer, channel and position.
    activation
        What the signal started from; for a whole map or layer its largest value.
    pixels
        ``(3, h, w)`` within ``box``, of the network's dtype; zero everywhere else.
    box
        (top, left, bottom, right) in pixels, half-open: the unit's receptive field.
    rectified_to_zero_at
        The layer at which nothing was left of the signal; None if something arrived, or if the
        activation itself is zero.
    """

    unit: Unit
    activation: float
    pixels: np.ndarray
    box: tuple[int, int, int, int]
    rectified_to_zero_at: str | None


class Projector:
    """Projects units of one network; neither its modules nor hooks are ever called.

    Parameters
    ----------
    network
        The network, or its program.
    rule
        ``deconvnet``, ``guided`` or ``gradient``.
    unpooling
        ``switches``, or ``interpolate``: bilinear to the pool's input size.
    image_size
        Height and width of the images.
    crop
        False computes whole maps, which is slower and gives the same.
    signal_bytes
        How much signal is carried at once.

    Raises
    ------
    UserError
        If the network or a setting cannot be treated.
    """

    def __init__(
        self,
        network: nn.Module | Program,
        *,
        rule: str = "deconvnet",
        unpooling: str = "switches",
        image_size: tuple[int, int] = (224, 224),
        crop: bool = True,
        signal_bytes: int = SIGNAL_BYTES,
    ) -> None:
        needs_gate(rule)
        if unpooling not in UNPOOLINGS:
            raise UserError(
                f"{unpooling!r} is no way to unpool",
                where="unpooling",
                remedy=f"Choose one of {', '.join(UNPOOLINGS)}.",
            )
        self.program = network if isinstance(network, Program) else program_of(network, image_size)
        self.rule = rule
        self.unpooling = unpooling
        self.crop = crop
        self.signal_bytes = signal_bytes
        self.fields = ReceptiveFields(self.program, image_size, unpooling)

    def record(self, image: torch.Tensor, layers: Sequence[str]) -> Tape:
        """Push one normalised image ``(1, 3, H, W)`` up to the highest of the layers.

        Raises
        ------
        UserError
            If a layer is unknown or computes NaN.
        ValueError
            If the image has another size than was said.
        """
        if tuple(image.shape) != (1, 3, *self.fields.image_size):
            raise ValueError(f"expected (1, 3, {self.fields.image_size}), not {image.shape}")
        return record(self.program, image, layers, self.rule)

    @torch.no_grad()
    def project(
        self, tape: Tape, units: Sequence[Unit], *, seed: float | None = None
    ) -> list[Projection]:
        """Project units of the recorded image, in their order.

        Parameters
        ----------
        tape
            From ``record``; it may be another program's of the same architecture, which then
            lends its switches.
        units
            Of layers that the tape holds.
        seed
            What every unit starts from in place of its activation.

        Raises
        ------
        UserError
            If a layer, channel or position does not exist.
        """
        seeds, activations = seed_signals(self.program, tape, units, seed, self.crop)
        boxes = [self._box(unit) for unit in units]
        down = WayDown(self, tape, boxes)
        down.run(seeds)
        return [
            Projection(unit, activation, down.pixels_of(number), box, down.vanished.get(number))
            for number, (unit, activation, box) in enumerate(
                zip(units, activations, boxes, strict=True)
            )
        ]

    def project_image(
        self, image: torch.Tensor, units: Sequence[Unit], *, seed: float | None = None
    ) -> list[Projection]:
        """Record an image and project units of it; see ``record`` and ``project``."""
        tape = self.record(image, sorted({unit.layer for unit in units}))
        return self.project(tape, units, seed=seed)

    def with_program(self, program: Program) -> "Projector":
        """Return a projector with the same settings through the same steps with other weights."""
        other = copy.copy(self)
        other.program = program
        return other

    def _box(self, unit: Unit) -> tuple[int, int, int, int]:
        if not self.crop:
            return (0, 0, *self.fields.image_size)
        if unit.row is None:
            return tuple(self.fields.whole(unit.layer).tolist())
        return tuple(self.fields.boxes(unit.layer, np.array([unit.position]))[0].tolist())

"""What an image is optimised for: a class, a unit, a channel, or a layer's code."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch

from convscope.deconvnet.program import Program
from convscope.errors import UserError
from convscope.synthesis.forward import ForwardPass

WEIGHTED = ("conv", "linear")


@dataclass(frozen=True, eq=False)
class Outcome:
    """What an objective says of ``n`` images.

    Parameters
    ----------
    losses
        What is minimised, ``(n,)``, differentiable.
    curves
        What is written down each iteration, ``(n,)`` each.
    """

    losses: torch.Tensor
    curves: dict[str, torch.Tensor] = field(default_factory=dict)


class Objective(Protocol):
    """A function of the first ``n`` rows of a batch, normalised, ``(n, 3, H, W)``."""

    curves: tuple[str, ...]

    def __call__(self, inputs: torch.Tensor) -> Outcome:
        """Return losses and curves."""


class ClassScore:
    """The score of a class before softmax (Simonyan et al., 2013); also its probability.

    If the scores are what a convolution gives, through ReLU and pooling (SqueezeNet), the score is
    the convolution's spatial mean before that ReLU: behind it score and gradient of a class are
    often exactly zero.

    Parameters
    ----------
    program
        Of the network.
    class_index
        The class.
    rows
        How many rows the batch has.
    """

    curves = ("score", "probability")

    def __init__(self, program: Program, class_index: int, rows: int) -> None:
        self._place = score_place(program)
        self._output = len(program.steps) - 1
        self._class = class_index
        self._forward = ForwardPass(program, [self._output] * rows, [self._place])

    def __call__(self, inputs: torch.Tensor) -> Outcome:
        """Return minus the scores, and the curves score and probability."""
        found = self._forward(inputs)
        scores = spatial_mean(found[self._place])[:, self._class]
        logits = spatial_mean(found[self._output]).detach()
        probabilities = logits.softmax(1)[:, self._class]
        return Outcome(-scores, {"score": scores.detach(), "probability": probabilities})


class UnitValue:
    """The activation of a unit, or the spatial mean of a channel.

    Parameters
    ----------
    program
        Of the network.
    layer
        The layer's name.
    channel
        Its channel.
    position
        Row and column of the unit; None for the whole channel.
    rows
        How many rows the batch has.

    Raises
    ------
    UserError
        If the layer is unknown. A channel or position that the layer lacks is refused at the
        first call.
    """

    curves = ("score",)

    def __init__(
        self,
        program: Program,
        layer: str,
        channel: int,
        position: tuple[int, int] | None,
        rows: int,
    ) -> None:
        self._layer, self._channel, self._position = layer, channel, position
        self._place = program.index(layer)
        self._forward = ForwardPass(program, [self._place] * rows)

    def __call__(self, inputs: torch.Tensor) -> Outcome:
        """Return minus the activations, and them as the curve score."""
        values = self._forward(inputs)[self._place]
        maps = values if values.dim() == 4 else values[..., None, None]
        row, column = self._position or (0, 0)
        _, channels, height, width = maps.shape
        if not (0 <= self._channel < channels and 0 <= row < height and 0 <= column < width):
            raise UserError(
                f"it has no unit at channel {self._channel}, position {self._position}",
                where=f"layer {self._layer}",
                remedy=f"It has {channels} channels of {height} x {width} positions.",
            )
        maps = maps[:, self._channel]
        scores = maps.mean((1, 2)) if self._position is None else maps[:, row, column]
        return Outcome(-scores, {"score": scores.detach()})


class FeatureCode:
    """The distance to given codes, ``E1 = |Phi(x) - Phi0|**2 / |Phi0|**2``, a layer a row.

    Mahendran & Vedaldi (2015), section 2.1.

    Parameters
    ----------
    program
        Of the network.
    layers
        The layer of each row.
    codes
        ``Phi0`` of each row, ``(C, H, W)`` or ``(C,)``.

    Raises
    ------
    UserError
        If a layer is unknown, or if its code is zero everywhere, so that it cannot be inverted.
    """

    curves = ("error",)

    def __init__(
        self, program: Program, layers: Sequence[str], codes: Sequence[torch.Tensor]
    ) -> None:
        self._targets = [program.index(layer) for layer in layers]
        self._codes = list(codes)
        self._squares = [code.square().sum() for code in codes]
        for layer, square in zip(layers, self._squares, strict=True):
            if not square > 0:
                raise UserError(
                    "it cannot be inverted: its code of this image is zero everywhere",
                    where=f"layer {layer}",
                    remedy="Leave this layer out, or invert another image.",
                )
        self._forward = ForwardPass(program, self._targets)

    def __call__(self, inputs: torch.Tensor) -> Outcome:
        """Return E1 as losses and as the curve error."""
        found = self._forward(inputs)
        errors: list[torch.Tensor] = []
        for row in range(len(inputs)):
            target = self._targets[row]
            taking_part = [other for other in self._forward.rows(target) if other < len(inputs)]
            code = found[target][taking_part.index(row)]
            errors.append((code - self._codes[row]).square().sum() / self._squares[row])
        losses = torch.stack(errors)
        return Outcome(losses, {"error": losses.detach()})


def score_place(program: Program) -> int:
    """Return the step that makes the class scores: the last with weights."""
    return max(place for place, step in enumerate(program.steps) if step.kind in WEIGHTED)


def score_description(program: Program) -> dict[str, str]:
    """Return the layer of the class scores, and in words what of it is maximised."""
    step = program.steps[score_place(program)]
    after = [later.kind for later in program.steps[score_place(program) + 1 :]]
    if step.kind == "linear" and "relu" not in after:
        return {"layer": step.place, "what": "class score before softmax"}
    if step.kind == "linear":
        return {"layer": step.place, "what": "class score before the last ReLU"}
    what = "spatial mean of the class convolution"
    return {"layer": step.place, "what": what + (" before its ReLU" if "relu" in after else "")}


def spatial_mean(values: torch.Tensor) -> torch.Tensor:
    """Return ``(n, C)`` from ``(n, C, H, W)`` or ``(n, C)``."""
    return values.mean((2, 3)) if values.dim() == 4 else values

"""How far each row of a batch moves: rates, momentum and Adam."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from convscope.synthesis.state import State
from convscope.synthesis.units import LEVELS, norm_rate, pixel_rate

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class Steps:
    """The optimisers of a batch, which may be called with its first ``n`` rows only.

    Parameters
    ----------
    settings
        Of each row: ``optimiser`` (``sgd`` or ``adam``), ``momentum``, ``rate_policy``
        (``constant``, ``progress``, ``length`` or ``norm``), ``rate``, ``gain``, ``schedule``,
        ``iterations``.
    """

    def __init__(self, settings: Sequence[Mapping[str, Any]]) -> None:
        self._settings = settings
        self._adam = [row for row, own in enumerate(settings) if own["optimiser"] == "adam"]

    def take(
        self, state: State, gradient: torch.Tensor, losses: torch.Tensor, iteration: int
    ) -> torch.Tensor:
        """Return the step of the parameters of the first ``n`` rows and update their moments.

        Parameters
        ----------
        state
            Of the batch.
        gradient
            Of what is minimised, with respect to the parameters, ``(n, 3, H, W)``.
        losses
            What is minimised, ``(n,)``.
        iteration
            From 0.
        """
        count = len(gradient)
        rates = self.rates(gradient, losses, iteration)
        adam = [row for row in self._adam if row < count]
        keep = [BETAS[0] if r in adam else self._momentum(r, iteration) for r in range(count)]
        take = -rates
        if adam:
            take[adam] = 1 - BETAS[0]
        first = state.first[:count]
        first.mul_(_column(gradient.new_tensor(keep))).addcmul_(gradient, _column(take))
        if not adam:
            return first
        second = state.second[adam]
        second.mul_(BETAS[1]).addcmul_(gradient[adam], gradient[adam], value=1 - BETAS[1])
        state.second[adam] = second
        means, squares = (1 - beta ** (iteration + 1) for beta in BETAS)
        step = first.clone()
        scale = _column(-rates[adam] / means)
        step[adam] = first[adam] * scale / ((second / squares).sqrt() + EPSILON)
        return step

    def rates(self, gradient: torch.Tensor, losses: torch.Tensor, iteration: int) -> torch.Tensor:
        """Return the rate of each of the first ``n`` rows, for pixels in [0, 1], ``(n,)``."""
        squares = gradient.flatten(1).square().sum(1).double() / LEVELS**2
        rates = [
            _rate(own, square, loss, gradient[0].numel()) * factor(own, iteration)
            for own, square, loss in zip(
                self._settings, squares.tolist(), losses.tolist(), strict=False
            )
        ]
        return gradient.new_tensor(rates)

    def _momentum(self, row: int, iteration: int) -> float:
        """Return the momentum; 0 where the schedule has just changed the rate, which ends it."""
        own = self._settings[row]
        changed = iteration and factor(own, iteration) != factor(own, iteration - 1)
        return 0.0 if changed else own["momentum"]


def factor(settings: Mapping[str, Any], iteration: int) -> float:
    """Return the part of the rate that the schedule leaves at an iteration, from 0.

    The schedule is a list of shares of the iterations and factors, in turn.
    """
    passed = 0.0
    for share, part in settings["schedule"]:
        passed += share
        if iteration < round(passed * settings["iterations"]):
            return part
    return settings["schedule"][-1][1]


def _rate(settings: Mapping[str, Any], square: float, loss: float, values: int) -> float:
    """Return a row's rate; ``square`` is its gradient's squared norm with levels as the unit."""
    rate, policy = settings["rate"], settings["rate_policy"]
    if settings["optimiser"] == "adam":
        return rate / LEVELS
    if policy == "length":
        # The gradient for levels and the step in levels: both have the root mean square's unit.
        return pixel_rate(rate * (values / square) ** 0.5 if square > 0 else 0.0)
    if policy == "norm":
        rate = norm_rate(rate, values) * LEVELS**2
    # What a step of this rate gains, to first order, is the rate times the square.
    gain = settings["gain"] * (loss if policy == "norm" else 1)
    if gain and square > 0 and gain / square < rate:
        rate = gain / square
    return pixel_rate(rate)


def _column(values: torch.Tensor) -> torch.Tensor:
    return values.view(-1, 1, 1, 1)

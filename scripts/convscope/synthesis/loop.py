"""The loop of every synthesis: gradient steps on a batch of images, each row with its own settings.

A row that has had its iterations, or that turns NaN, changes no more; the best so far of each is
kept.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from convscope.errors import UserError
from convscope.progress import progress
from convscope.synthesis.checkpoints import Checkpoint
from convscope.synthesis.objectives import Objective
from convscope.synthesis.parametrisations import Metric
from convscope.synthesis.regularisers import Regularisers, jittered
from convscope.synthesis.state import RUNNING, Row, State, first_state, start
from convscope.synthesis.steps import Steps

LOGGER = logging.getLogger(__name__)
MOST_ATTEMPTS = 10


@dataclass(frozen=True)
class Canvas:
    """What the images of a batch are: the network's transform, their size, where they lie."""

    mean: Sequence[float]
    std: Sequence[float]
    size: tuple[int, int]
    device: torch.device | str = "cpu"
    dtype: torch.dtype = torch.float32

    def rgb(self, images: torch.Tensor) -> torch.Tensor:
        """Return RGB in [0, 1] of states, ``(..., 3, H, W)``, on the CPU."""
        return images.detach().cpu() + torch.tensor(self.mean, dtype=self.dtype).view(3, 1, 1)


class Synthesis:
    """A batch of images on its way from noise.

    Parameters
    ----------
    objective
        Of a batch of as many rows.
    rows
        Those with more iterations first, so that they leave the batch from its end.
    canvas
        Of the images.
    snapshots
        The numbers of steps after which the images are kept.

    Raises
    ------
    ValueError
        If the rows are not in order.
    """

    def __init__(
        self,
        objective: Objective,
        rows: Sequence[Row],
        canvas: Canvas,
        snapshots: Sequence[int] = (),
    ) -> None:
        if [row.iterations for row in rows] != sorted((r.iterations for r in rows), reverse=True):
            raise ValueError("rows with more iterations come first")
        options = (canvas.size, canvas.device, canvas.dtype)
        settings = [row.settings for row in rows]
        self.rows = rows
        self.metric = Metric([own["parametrisation"] for own in settings], *options)
        self.state: State = first_state(
            rows, self.metric, objective.curves, len(snapshots), *options
        )
        self._objective = objective
        self._snapshots = {step: place for place, step in enumerate(snapshots)}
        self._steps = Steps(settings)
        self._regularisers = Regularisers(settings, canvas.mean, *options)
        self._std = torch.tensor(canvas.std, device=canvas.device, dtype=canvas.dtype)

    @property
    def iterations(self) -> int:
        """The most steps that a row takes."""
        return self.rows[0].iterations

    def iterate(self, checkpoint: Checkpoint | None = None) -> Iterator[int]:
        """Do the iterations that are left, and yield the number of each when it is done.

        Parameters
        ----------
        checkpoint
            Where to go on from and what to write.

        Raises
        ------
        UserError
            If a start is NaN, or if a row's gradient is zero for every start.
        """
        while self.state.iteration <= self.iterations and not self._all_stopped():
            self._iterate()
            if checkpoint is not None:
                checkpoint.keep(self.state, last=self.state.iteration > self.iterations)
            yield self.state.iteration - 1

    def run(
        self,
        checkpoint: Checkpoint | None = None,
        note: Callable[[State], str] | None = None,
    ) -> State:
        """Do the iterations that are left, with progress, and return the state.

        Parameters
        ----------
        checkpoint
            As for ``iterate``.
        note
            Says in a few words how far the images are.
        """
        if checkpoint is not None:
            checkpoint.restore(self.state)
        left = self.iterations + 1 - self.state.iteration
        saying = None if note is None else lambda: note(self.state)
        for _ in progress(
            self.iterate(checkpoint), LOGGER, what="iterations", total=left, note=saying
        ):
            pass
        return self.state

    def _all_stopped(self) -> bool:
        return all(stopped != RUNNING for stopped in self.state.stopped)

    def _iterate(self) -> None:
        state, iteration = self.state, self.state.iteration
        count = sum(row.iterations >= iteration for row in self.rows)
        moving = sum(row.iterations > iteration for row in self.rows)
        self._regularisers.clip(state.images[:count])
        shifts = [self._shift(row) for row in range(count)]
        gradient, slope, losses = self._evaluate(shifts)
        attempt = 0
        while iteration == 0 and (silent := self._silent(gradient)):
            attempt += 1
            self._start_again(silent, attempt)
            for row in silent:
                shifts[row] = self._shift(row)
            gradient, slope, losses = self._evaluate(shifts)
        if iteration in self._snapshots:
            state.snapshots[self._snapshots[iteration]] = state.images.cpu()
        if moving:
            step = self._steps.take(
                state, self.metric.to_parameters(slope[:moving]), losses[:moving], iteration
            )
            self._move(step, gradient[:moving], iteration)
        state.iteration += 1

    def _evaluate(
        self, shifts: Sequence[tuple[int, int]]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Write down what the objective says; return its gradient, that with penalties, losses."""
        state, iteration, count = self.state, self.state.iteration, len(shifts)
        leaf = state.images[:count].detach().requires_grad_()
        inputs = jittered(leaf, shifts) / self._std.view(3, 1, 1)
        outcome = self._objective(inputs.contiguous(memory_format=torch.channels_last))
        (gradient,) = torch.autograd.grad(outcome.losses.sum(), leaf)
        sums, slope = outcome.losses.detach(), gradient
        if self._regularisers.has_penalty(count):
            penalties = self._regularisers.penalty(leaf)
            slope = gradient + torch.autograd.grad(penalties.sum(), leaf)[0]
            sums = sums + penalties.detach()
        alive = torch.tensor([stopped == RUNNING for stopped in state.stopped[:count]])
        for name, values in outcome.curves.items():
            written = values.to(state.curves[name]).masked_fill(~alive, torch.nan)
            state.curves[name][:count, iteration] = written
        finite = sums.isfinite() & slope.flatten(1).sum(1).isfinite()
        better = finite & (-sums > state.merits[:count])
        for row in better.nonzero()[:, 0].tolist():
            state.best[row] = state.images[row]
            state.best_at[row] = iteration
        state.merits[:count] = torch.where(better, -sums, state.merits[:count])
        self._stop((~finite).nonzero()[:, 0].tolist())
        return gradient, slope, sums

    def _move(self, step: torch.Tensor, gradient: torch.Tensor, iteration: int) -> None:
        state = self.state
        images = state.images[: len(step)]
        images.add_(self.metric.to_images(step))
        self._regularisers.operate(images, gradient, iteration)
        for row, stopped in enumerate(state.stopped):
            if stopped != RUNNING:
                state.images[row] = state.best[row]

    def _shift(self, row: int) -> tuple[int, int]:
        reach = self.rows[row].settings["jitter"]
        if not reach:
            return 0, 0
        generator = self.state.generators[row]
        down, right = torch.randint(-reach, reach + 1, (2,), generator=generator).tolist()
        return down, right

    def _silent(self, gradient: torch.Tensor) -> list[int]:
        return (~gradient.flatten(1).any(1)).nonzero()[:, 0].tolist()

    def _start_again(self, silent: list[int], attempt: int) -> None:
        for number in silent:
            words = ", ".join(f"{name} {word}" for name, word in self.rows[number].key.items())
            if attempt == MOST_ATTEMPTS:
                raise UserError(
                    f"the gradient is zero for {attempt} different starts",
                    where=words,
                    remedy="What is maximised does not depend on the image: choose another.",
                )
            LOGGER.warning(
                "%s: the first gradient is zero; started again with the seed of attempt %d",
                *(words, attempt),
            )
            start(self.state, self.rows, self.metric, number, attempt)
            self.state.merits[number] = -torch.inf
        self._regularisers.clip(self.state.images)

    def _stop(self, rows: list[int]) -> None:
        state = self.state
        for row in rows:
            if state.stopped[row] != RUNNING:
                continue
            words = ", ".join(f"{name} {word}" for name, word in self.rows[row].key.items())
            if state.merits[row] == -torch.inf:
                raise UserError(
                    "the very first value is NaN or infinite",
                    where=words,
                    remedy="The weights or the preprocessing do not fit this network: check both.",
                )
            state.stopped[row] = state.iteration
            LOGGER.warning(
                "%s: NaN or infinity at iteration %d; its best image is kept. Lower its rate.",
                *(words, state.iteration),
            )

"""Rows cut into batches that fit into memory, done one after another, joined in their own order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from convscope.digests import settings_digest
from convscope.synthesis.checkpoints import Checkpoint
from convscope.synthesis.loop import Canvas, Synthesis
from convscope.synthesis.objectives import Objective
from convscope.synthesis.state import RUNNING, Row, State

Making = Callable[[list[int]], Objective]
"""Gives the objective of a batch from the places of its rows."""


@dataclass(frozen=True)
class Resuming:
    """Where checkpoints lie and what they belong to.

    Parameters
    ----------
    stem
        Folder and first part of the names, of this job alone.
    digest
        Of settings, inputs and code.
    seconds
        The least time between two writes.
    """

    stem: Path
    digest: str
    seconds: float = 30.0

    @classmethod
    def beside(
        cls, output: str | Path, facts: Mapping[str, Any], device: torch.device, seconds: float
    ) -> "Resuming":
        """Return checkpoints that lie beside the file that a job writes.

        Parameters
        ----------
        output
            The file.
        facts
            Settings, digests of the inputs and of the code.
        device
            Where it is computed; another device or number of threads goes on from nothing.
        seconds
            The least time between two writes.
        """
        where = {"device": device.type, "threads": torch.get_num_threads()}
        digest = settings_digest({**facts, "computed": where})
        return cls(Path(output).with_name("checkpoint"), digest, seconds)

    def checkpoint(self, batch: list[int]) -> Checkpoint:
        """Return the checkpoint of a batch."""
        digest = settings_digest({"run": self.digest, "rows": batch})
        return Checkpoint(self.stem, digest, self.seconds)

    def remove(self) -> None:
        """Remove all checkpoints of this job."""
        self.checkpoint([]).remove()


@dataclass(frozen=True, eq=False)
class Finished:
    """What the loop left of all rows, in their order.

    ``last`` and ``best`` are RGB in [0, 1] units, float32 ``(R, 3, H, W)``, not clipped;
    ``snapshots`` ``(T, R, 3, H, W)``; ``curves`` ``(R, 1 + most iterations)`` by name, NaN where
    there is no value. ``shown`` is the one of the first two that a row's settings name, and
    ``shown_at`` after how many steps it was found. ``attempts`` and ``stopped`` hold a number a
    row, None where it was not stopped.
    """

    last: np.ndarray
    best: np.ndarray
    snapshots: np.ndarray
    curves: dict[str, np.ndarray]
    shown: np.ndarray
    shown_at: list[int]
    attempts: list[int]
    stopped: list[int | None]

    def facts(self, rows: Sequence[Row], place: int) -> dict[str, Any]:
        """Return what is told of a row in a file: its key, and how it went."""
        own = rows[place]
        return {
            **own.key,
            "attempt": self.attempts[place],
            "iterations": own.iterations,
            "shown": own.settings["shown"],
            "shown_at": self.shown_at[place],
            "stopped": self.stopped[place],
        }

    def at_shown(self, name: str) -> np.ndarray:
        """Return a curve's values at the images that are shown, ``(R,)``."""
        return self.curves[name][np.arange(len(self.shown)), self.shown_at]


def synthesise(
    rows: Sequence[Row],
    making: Making,
    canvas: Canvas,
    *,
    batches: Sequence[list[int]],
    snapshots: Sequence[int] = (),
    resuming: Resuming | None = None,
    note: Callable[[State], str] | None = None,
) -> Finished:
    """Make all images, a batch after another.

    Parameters
    ----------
    rows
        All of them, in the order of the result.
    making
        Gives the objective of a batch.
    canvas
        Of the images.
    batches
        Places of rows, those with more iterations first within each batch.
    snapshots
        After how many steps images are kept.
    resuming
        Where to go on from; a finished batch is not done again.
    note
        Says in a few words how far a batch is.
    """
    finished = _empty(rows, canvas, len(snapshots))
    for batch in batches:
        own = [rows[place] for place in batch]
        synthesis = Synthesis(making(batch), own, canvas, snapshots)
        state = synthesis.run(resuming.checkpoint(batch) if resuming else None, note)
        finished.last[batch] = canvas.rgb(state.images).numpy()
        finished.best[batch] = canvas.rgb(state.best).numpy()
        finished.snapshots[:, batch] = canvas.rgb(state.snapshots).numpy()
        for name, values in state.curves.items():
            curve = finished.curves.setdefault(name, _curve(rows))
            curve[batch, : values.shape[1]] = values.numpy()
        for number, place in enumerate(batch):
            _tell(finished, rows[place], place, state, number)
    return finished


def batches_within(
    rows: Sequence[Row], costs: Sequence[float], limit: float, order: Sequence[int] | None = None
) -> list[list[int]]:
    """Cut rows into batches whose costs sum to at most ``limit``; a dearer row goes alone.

    Parameters
    ----------
    rows
        The rows.
    costs
        Of each row.
    limit
        Of a batch.
    order
        The places of the rows in the order in which they are put together.

    Returns
    -------
    list of list of int
        Places; within a batch, rows with more iterations first, otherwise in ``order``.
    """
    batches: list[list[int]] = []
    filled = 0.0
    for place in range(len(rows)) if order is None else order:
        if batches and filled + costs[place] <= limit:
            batches[-1].append(place)
            filled += costs[place]
        else:
            batches.append([place])
            filled = costs[place]
    return [sorted(batch, key=lambda place: -rows[place].iterations) for batch in batches]


def _tell(finished: Finished, row: Row, place: int, state: State, number: int) -> None:
    stopped = state.stopped[number]
    finished.attempts[place] = state.attempts[number]
    finished.stopped[place] = None if stopped == RUNNING else stopped
    # A row that was stopped keeps its best image as the last one.
    best = row.settings["shown"] == "best" or stopped != RUNNING
    finished.shown[place] = (finished.best if best else finished.last)[place]
    finished.shown_at[place] = state.best_at[number] if best else row.iterations


def _empty(rows: Sequence[Row], canvas: Canvas, snapshots: int) -> Finished:
    shape = (len(rows), 3, *canvas.size)
    dtype = torch.empty(0, dtype=canvas.dtype).numpy().dtype
    return Finished(
        last=np.zeros(shape, dtype),
        best=np.zeros(shape, dtype),
        snapshots=np.zeros((snapshots, *shape), dtype),
        curves={},
        shown=np.zeros(shape, dtype),
        shown_at=[0] * len(rows),
        attempts=[0] * len(rows),
        stopped=[None] * len(rows),
    )


def _curve(rows: Sequence[Row]) -> np.ndarray:
    return np.full((len(rows), 1 + max(row.iterations for row in rows)), np.nan, np.float32)

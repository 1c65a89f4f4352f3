"""The state of a synthesis, from which it goes on as if it had never stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from convscope.digests import settings_digest
from convscope.synthesis.parametrisations import Metric
from convscope.synthesis.units import LEVELS

RUNNING = -1


@dataclass(frozen=True)
class Row:
    """One image of a batch.

    Parameters
    ----------
    key
        Plain words that decide its noise: seed, class and preset, wherever it stands in a batch.
    settings
        As ``convscope.synthesis.presets`` describes.
    """

    key: Mapping[str, Any]
    settings: Mapping[str, Any]

    @property
    def iterations(self) -> int:
        """How many steps it is given."""
        return self.settings["iterations"]


@dataclass(eq=False)
class State:
    """All that an iteration reads and changes.

    Parameters
    ----------
    images
        ``(R, 3, H, W)``, pixels less the transform's mean, [0, 1] units.
    first, second
        The optimiser's moments of the parameters (for SGD the velocity), of the same shape.
    best, merits
        The image with the smallest sum of loss and penalties so far, and minus that sum ``(R,)``.
    curves
        What the objective writes down, ``(R, 1 + most iterations)`` each; entry i is of the image
        after i steps, NaN where there is none.
    snapshots
        Images after some numbers of steps, ``(T, R, 3, H, W)``.
    generators
        One a row, on the CPU.
    best_at
        After how many steps the best image was found.
    attempts
        Which start each row took, from 0.
    stopped
        The iteration at which a row turned NaN; -1 for the others.
    iteration
        The next one.
    """

    images: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor
    best: torch.Tensor
    merits: torch.Tensor
    curves: dict[str, torch.Tensor]
    snapshots: torch.Tensor
    generators: list[torch.Generator]
    best_at: list[int]
    attempts: list[int]
    stopped: list[int]
    iteration: int = 0

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return everything as tensors that share their memory, for a checkpoint."""
        counts = torch.tensor([self.best_at, self.attempts, self.stopped], dtype=torch.int64)
        states = torch.stack([generator.get_state() for generator in self.generators])
        named = {f"curves/{name}": values for name, values in self.curves.items()}
        for name in ("images", "first", "second", "best", "merits", "snapshots"):
            named[name] = getattr(self, name)
        return {
            **named,
            "counts": counts,
            "generators": states,
            "iteration": torch.tensor([self.iteration]),
        }

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take over what ``tensors`` returned for a state of the same batch.

        Raises
        ------
        ValueError
            If names, shapes or types are others; nothing is changed then.
        """
        own = self.tensors()
        for name, values in own.items():
            found = tensors.get(name)
            if found is None or (found.shape, found.dtype) != (values.shape, values.dtype):
                raise ValueError(f"{name} is missing or of another shape")
        for name in ("images", "first", "second", "best", "merits", "snapshots"):
            getattr(self, name).copy_(tensors[name])
        for name, values in self.curves.items():
            values.copy_(tensors[f"curves/{name}"])
        for generator, state in zip(self.generators, tensors["generators"], strict=True):
            # A copy: it reads a row of a tensor from the tensor's beginning.
            generator.set_state(state.clone())
        self.best_at, self.attempts, self.stopped = tensors["counts"].tolist()
        self.iteration = int(tensors["iteration"])


def first_state(
    rows: Sequence[Row],
    metric: Metric,
    curves: Sequence[str],
    snapshots: int,
    size: tuple[int, int],
    device: torch.device | str,
    dtype: torch.dtype,
) -> State:
    """Return the state before the first iteration: noise, nothing tried.

    Parameters
    ----------
    rows
        The batch.
    metric
        Its parametrisations.
    curves
        Names of what the objective writes down.
    snapshots
        How many.
    size, device, dtype
        Of the images.
    """
    shape = (len(rows), 3, *size)
    length = 1 + max(row.iterations for row in rows)
    adam = any(row.settings["optimiser"] == "adam" for row in rows)
    state = State(
        images=torch.zeros(shape, device=device, dtype=dtype),
        first=torch.zeros(shape, device=device, dtype=dtype),
        second=torch.zeros(shape if adam else (0,), device=device, dtype=dtype),
        best=torch.zeros(shape, device=device, dtype=dtype),
        merits=torch.full((len(rows),), -torch.inf, device=device, dtype=dtype),
        curves={name: torch.full((len(rows), length), torch.nan, dtype=dtype) for name in curves},
        snapshots=torch.zeros((snapshots, *shape), dtype=dtype),
        generators=[torch.Generator() for _ in rows],
        best_at=[0] * len(rows),
        attempts=[0] * len(rows),
        stopped=[RUNNING] * len(rows),
    )
    for number in range(len(rows)):
        start(state, rows, metric, number, attempt=0)
    return state


def start(state: State, rows: Sequence[Row], metric: Metric, number: int, attempt: int) -> None:
    """Give a row its noise: normal, ``start_noise`` levels wide, the same for the same key.

    The seed of the row's generator is the digest of its key and the attempt, so that a second
    attempt is as reproducible as the first. A Fourier row starts from noise of its own spectrum.
    """
    row = rows[number]
    generator = state.generators[number]
    generator.manual_seed(noise_seed(row.key, attempt))
    noise = torch.randn(state.images.shape[1:], generator=generator, dtype=torch.float64)
    batch = torch.zeros_like(state.images)
    batch[number] = noise.to(batch)
    image = metric.to_images(batch)[number]
    width = row.settings["start_noise"] / LEVELS
    state.images[number] = image * (width / image.std(correction=0) if width else 0)
    state.attempts[number] = attempt


def noise_seed(key: Mapping[str, Any], attempt: int) -> int:
    """Return the seed that belongs to plain words and an attempt, below 2**60."""
    return int(settings_digest({**key, "attempt": attempt}, length=15), 16)

"""A forward pass for optimisation: as far up as is asked, each row of the batch to its own layer.

Nothing is hooked: the steps of the network's program run one by one, so that a layer is seen before
any in-place operation and nothing above the highest layer is computed.
"""

from collections import Counter
from collections.abc import Collection, Sequence

import torch

from convscope.deconvnet.program import Program, Step

OVERWRITABLE = ("conv", "linear", "batchnorm")
"""Kinds whose backward pass does not need their output, so that a ReLU may take its memory."""


class ForwardPass:
    """Runs a program for rows that end at different layers.

    A row takes part in the steps that its layer depends on, and in no others. Rows that end higher
    should come first: then those that are left are a slice, not a copy.

    Parameters
    ----------
    program
        Of the network.
    targets
        The step at which each row ends.
    kept
        More steps whose outputs are wanted.
    """

    def __init__(
        self, program: Program, targets: Sequence[int], kept: Collection[int] = ()
    ) -> None:
        self._program = program
        below = {place: _below(program, place) for place in set(targets)}
        self._rows = [
            [row for row, target in enumerate(targets) if place in below[target]]
            for place in range(len(program.steps))
        ]
        self._kept = frozenset([*targets, *kept])

    def rows(self, place: int) -> list[int]:
        """Return the rows that take part in a step, in order."""
        return self._rows[place]

    def __call__(self, inputs: torch.Tensor) -> dict[int, torch.Tensor]:
        """Return the outputs of the targets and of the steps kept, by place.

        Parameters
        ----------
        inputs
            The first ``n`` rows, normalised, ``(n, 3, H, W)``.

        Returns
        -------
        dict
            ``(m, C, H, W)`` or ``(m, C)`` of those among the first ``n`` rows that take part.
        """
        count = len(inputs)
        rows = [[row for row in rows if row < count] for rows in self._rows]
        readers = Counter(
            source
            for place, step in enumerate(self._program.steps)
            if rows[place]
            for source in step.sources
        )
        values: dict[int, torch.Tensor] = {}
        found: dict[int, torch.Tensor] = {}
        for place, step in enumerate(self._program.steps):
            if not rows[place]:
                continue
            sources = [_selected(values[s], rows[s], rows[place]) for s in step.sources]
            if not step.sources:
                value = _selected(inputs, list(range(count)), rows[place])
            else:
                value = _computed(step, sources, self._may_overwrite(step, rows, place, readers))
            values[place] = value
            if place in self._kept:
                found[place] = value
            for source in step.sources:
                readers[source] -= 1
                if not readers[source]:
                    values.pop(source, None)
        return found

    def _may_overwrite(
        self, step: Step, rows: list[list[int]], place: int, readers: Counter[int]
    ) -> bool:
        (source, *others) = step.sources
        return (
            not others
            and self._program.steps[source].kind in OVERWRITABLE
            and source not in self._kept
            and readers[source] == 1
            and rows[source] == rows[place]
        )


def _below(program: Program, target: int) -> set[int]:
    """Return the places of all steps that a step depends on, its own included."""
    found = {target}
    for place in range(target, -1, -1):
        if place in found:
            found.update(program.steps[place].sources)
    return found


def _selected(value: torch.Tensor, rows: list[int], wanted: list[int]) -> torch.Tensor:
    """Return the wanted rows of a value that holds ``rows``; a view where they come first."""
    if wanted == rows:
        return value
    if wanted == rows[: len(wanted)]:
        return value[: len(wanted)]
    places = {row: place for place, row in enumerate(rows)}
    return value[[places[row] for row in wanted]]


def _computed(step: Step, sources: list[torch.Tensor], overwrite: bool) -> torch.Tensor:
    value = sources[0]
    if step.kind == "concat":
        return torch.cat(sources, 1)
    if step.kind == "add":
        return sources[0] + sources[1]
    if step.kind == "flatten":
        return value.flatten(1)
    if step.kind == "mean":
        return value.mean((2, 3))
    if step.kind == "identity":
        return value
    if step.kind == "relu":
        return value.relu_() if overwrite else value.relu()
    return step.module(value)

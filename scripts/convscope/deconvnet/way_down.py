"""The way down that all units of an image share, from the highest step to the pixels."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch

from convscope.deconvnet import transposes
from convscope.deconvnet.program import Step
from convscope.deconvnet.record import Tape
from convscope.deconvnet.rules import rectify
from convscope.deconvnet.windows import CHANNELS_LAST, Signals, combined, cut

if TYPE_CHECKING:
    from convscope.deconvnet.project import Projector


class WayDown:
    """One way down: what is under way, what arrived, and where signals vanished."""

    def __init__(self, projector: "Projector", tape: Tape, boxes: list[tuple[int, ...]]) -> None:
        self.projector = projector
        self.steps = projector.program.steps
        self.tape = tape
        self.boxes = boxes
        self.arrived: dict[int, np.ndarray] = {}
        self.vanished: dict[int, str] = {}

    def run(self, seeds: dict[int, list[Signals]]) -> None:
        """Carry signals from their steps to the image, from the top."""
        self._descend(max(seeds, default=-1), {}, dict(seeds))
        for number in set(self.vanished).intersection(self.arrived):
            if self.arrived[number].any():
                # Another branch brought something.
                del self.vanished[number]

    def pixels_of(self, number: int) -> np.ndarray:
        """Return a unit's cropped projection; zero if nothing arrived."""
        if number in self.arrived:
            return self.arrived[number]
        top, left, bottom, right = self.boxes[number]
        image = next(iter(self.tape.activations.values())).new_zeros(0)
        return np.zeros((3, bottom - top, right - left), image.cpu().numpy().dtype)

    def _descend(
        self, start: int, pending: dict[int, list[Signals]], seeds: dict[int, list[Signals]]
    ) -> None:
        for place in range(start, -1, -1):
            arrived = pending.pop(place, []) + seeds.pop(place, [])
            if not arrived:
                continue
            groups = combined(arrived, self.projector.fields.sides(place))
            del arrived
            if place == 0:
                self._finish(groups)
            while groups and place:
                for source, signals in self._below(place, groups.pop(0)):
                    pending.setdefault(source, []).append(signals)
            halves = self._halves(pending)
            if halves:
                pending.clear()
                # Units that start further down come along with the first half.
                self._descend(place - 1, halves.pop(0), seeds)
                self._descend(place - 1, halves.pop(0), {})
                return

    def _halves(self, pending: dict[int, list[Signals]]) -> list[dict[int, list[Signals]]]:
        """Return what is under way in two halves of its units if it is too much at once."""
        groups = [signals for group in pending.values() for signals in group]
        total = sum(signals.values.numel() * signals.values.element_size() for signals in groups)
        units = np.unique(np.concatenate([s.units for s in groups])) if groups else np.zeros(0)
        if total <= self.projector.signal_bytes or len(units) < 2:
            return []
        first = np.array_split(units, 2)[0]
        halves: list[dict[int, list[Signals]]] = []
        for inside in (True, False):
            half: dict[int, list[Signals]] = {}
            for place, group in pending.items():
                for signals in group:
                    chosen = np.isin(signals.units, first) == inside
                    if chosen.any():
                        half.setdefault(place, []).append(signals.rows(chosen))
            halves.append(half)
        return halves

    def _below(self, place: int, signals: Signals) -> Iterator[tuple[int, Signals]]:
        """Yield what a step's signals become at the steps that it reads."""
        step = self.steps[place]
        if step.kind == "add":
            yield step.sources[0], signals
            yield step.sources[1], Signals(signals.units, signals.values.clone(), signals.corners)
        elif step.kind == "concat":
            sizes = [self.tape.shapes[source][0] for source in step.sources]
            for source, part in zip(step.sources, signals.values.split(sizes, 1), strict=True):
                yield source, Signals(signals.units, part, signals.corners)
        else:
            moved = self._moved(place, step, signals)
            if step.kind == "relu":
                moved = self._alive(moved, step)
            if moved is not None:
                yield step.sources[0], moved

    def _moved(self, place: int, step: Step, signals: Signals) -> Signals:
        """Return signals below a step that reads one other."""
        source, values, corners = step.sources[0], signals.values, signals.corners
        inputs = self.projector.fields.sides(source)
        if step.kind == "conv":
            outputs = self.projector.fields.sides(place)
            values, corners = transposes.transposed_convolution(step, signals, outputs, inputs)
        elif step.kind == "relu":
            values = rectify(values, self._gate(place, signals), self.projector.rule)
        elif step.kind == "maxpool" and self.projector.unpooling == "switches":
            values, corners = transposes.unpooled(step, signals, self.tape.switches[place], inputs)
        elif step.kind in ("maxpool", "avgpool", "mean"):
            values, corners = transposes.spread(step, _as_maps(signals), inputs)
        elif step.kind == "linear":
            values = values @ step.tensors["weight"]
        elif step.kind == "batchnorm":
            values = values.mul_(transposes.batchnorm_scale(step).view(1, -1, 1, 1))
        elif step.kind == "flatten":
            values = values.reshape(-1, *self.tape.shapes[source])
            if values.dim() == 4:
                values = values.contiguous(memory_format=CHANNELS_LAST)
        return Signals(signals.units, values, corners)

    def _gate(self, place: int, signals: Signals) -> torch.Tensor | None:
        gate = self.tape.gates.get(place)
        if gate is None or gate.dim() == 2:
            return gate
        return cut(gate, signals.corners, tuple(signals.values.shape[2:]))

    def _alive(self, signals: Signals, step: Step) -> Signals | None:
        """Drop the signals of which nothing is left, and note where that was."""
        alive = transposes.nonzero(signals.values)
        for unit in signals.units[~alive]:
            self.vanished[int(unit)] = step.layer or step.place
        return signals.rows(alive) if alive.any() else None

    def _finish(self, groups: list[Signals]) -> None:
        for signals in groups:
            for unit, values, corner in zip(
                signals.units, signals.values, signals.corners, strict=True
            ):
                box = np.array(self.boxes[unit]).reshape(2, 2)
                size = tuple((box[1] - box[0]).tolist())
                pixels = cut(values[None], (box[0] - corner)[None], size)[0]
                self.arrived[int(unit)] = pixels.contiguous().cpu().numpy().copy()


def _as_maps(signals: Signals) -> Signals:
    if signals.values.dim() == 4:
        return signals
    return Signals(signals.units, signals.values[..., None, None], signals.corners)

"""What a projection shows of its unit, and what it would show anyway.

Controls after "Salient deconvolutional networks" (Mahendran & Vedaldi, 2016) and "Sanity checks
for saliency maps" (Adebayo et al., 2018): another channel at the same position, random weights
below the unit with the clean switches, and with their own. All start from 1, since another unit's
own activation is mostly zero; projections are compared by shape, scaled by their maximum.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from convscope.deconvnet.program import randomised
from convscope.deconvnet.project import Projection, Projector
from convscope.deconvnet.record import Tape
from convscope.deconvnet.seeds import Unit
from convscope.deconvnet.similarity import (
    Prepared,
    Similarity,
    compare,
    prepare,
)
from convscope.errors import UserError

CONTROLS = ("other_channel", "random_weights", "random_weights_and_switches")
RANDOMISED = ("conv", "linear", "batchnorm")
SEED = 1.0
LEAST_SEEDS = 9
UNDEFINED = Similarity(None, None)


@dataclass(frozen=True, eq=False)
class Controlled:
    """A unit's projection from 1, and what its controls say.

    Parameters
    ----------
    projection
        The unit's own, from 1.
    examples
        The controls' projections with the first seed, by control. A layer of one channel has no
        other channel.
    similarities
        Of each control to the projection, an entry a seed.
    """

    projection: Projection
    examples: dict[str, Projection]
    similarities: dict[str, list[Similarity]]


@dataclass(frozen=True, eq=False)
class Subject:
    """Units of one image, ready to be compared with their controls.

    Parameters
    ----------
    image
        Normalised, ``(1, 3, H, W)``.
    tape
        Its clean pass; the activations are stand-ins, of which nothing but the shape is used.
    units
        Single units, each with a position.
    controlled
        What is known of them, in their order.
    prepared
        Their own projections, ready for comparisons.
    """

    image: torch.Tensor
    tape: Tape
    units: Sequence[Unit]
    controlled: list[Controlled]
    prepared: list[Prepared]


def subject_of(
    projector: Projector, image: torch.Tensor, tape: Tape, units: Sequence[Unit]
) -> Subject:
    """Project units of an image from 1, and keep what their controls will need.

    Parameters
    ----------
    projector
        Of the network.
    image
        Normalised, ``(1, 3, H, W)``.
    tape
        Its pass through the network, with the layers of the units.
    units
        Single units, each with a position.
    """
    own = projector.project(tape, units, seed=SEED)
    # Signals start from 1: of the activations, which are large, only the shapes count.
    shapes = {
        name: kept.new_zeros(()).expand(kept.shape) for name, kept in tape.activations.items()
    }
    return Subject(
        image,
        replace(tape, activations=shapes),
        units,
        [Controlled(projection, {}, {name: [] for name in CONTROLS}) for projection in own],
        [prepare(projection.pixels) for projection in own],
    )


def measure_controls(
    projector: Projector, image: torch.Tensor, units: Sequence[Unit], seeds: Sequence[int]
) -> list[Controlled]:
    """Compare units' projections with their controls.

    Parameters
    ----------
    projector
        Of the network.
    image
        Normalised, ``(1, 3, H, W)``.
    units
        Single units, each with a position.
    seeds
        At least 9, for channels and weights.

    Raises
    ------
    UserError
        If there are too few seeds, or a layer, channel or position does not exist.
    """
    refuse_few_seeds(len(seeds))
    tape = projector.record(image, sorted({unit.layer for unit in units}))
    subject = subject_of(projector, image, tape, units)
    for seed in seeds:
        add_controls(projector, [subject], seed)
    return subject.controlled


def refuse_few_seeds(count: int) -> None:
    """Refuse fewer seeds than a median needs.

    Raises
    ------
    UserError
        If there are fewer than 9.
    """
    if count < LEAST_SEEDS:
        raise UserError(
            f"{count} seeds are too few for a median",
            where="deconvnet.control_seeds",
            remedy=f"Give at least {LEAST_SEEDS}.",
        )


def add_controls(projector: Projector, subjects: Sequence[Subject], seed: int) -> None:
    """Compare the units of several images with their controls of one more seed.

    Random weights are drawn once for all images. What is found is appended to each subject's
    ``controlled``; the first seed's projections are kept as examples.
    """
    layers = sorted({unit.layer for subject in subjects for unit in subject.units})
    random = random_projector(projector, layers, seed)
    for subject in subjects:
        found = _projected(projector, random, subject.image, subject.tape, subject.units, seed)
        for name, projections in found.items():
            for controlled, own, control in zip(
                subject.controlled, subject.prepared, projections, strict=True
            ):
                past = controlled.similarities[name]
                if control is not None and not past:
                    controlled.examples[name] = control
                undefined = control is None
                past.append(UNDEFINED if undefined else compare(own, prepare(control.pixels)))


def random_projector(projector: Projector, layers: Sequence[str], seed: int) -> Projector:
    """Return a projector with random weights in and below some layers.

    Weights above a unit play no part on its way down, and none in the switches below it: so one
    network with random weights everywhere serves the units of all layers.
    """
    program = projector.program
    places = [p for p in program.below(layers) if program.steps[p].kind in RANDOMISED]
    generator = torch.Generator().manual_seed(seed)
    return projector.with_program(randomised(program, places, generator))


def _projected(
    projector: Projector,
    random: Projector,
    image: torch.Tensor,
    tape: Tape,
    units: Sequence[Unit],
    seed: int,
) -> dict[str, list[Projection | None]]:
    """Return the projections of each control, None where the layer has no other channel."""
    others = [other_channel(unit, tape.activations[unit.layer].shape[1], seed) for unit in units]
    there = iter(projector.project(tape, [other for other in others if other], seed=SEED))
    switched = random.record(image, sorted({unit.layer for unit in units}))
    projections = (
        [next(there) if other else None for other in others],
        random.project(tape, units, seed=SEED),
        random.project(switched, units, seed=SEED),
    )
    return dict(zip(CONTROLS, projections, strict=True))


def other_channel(unit: Unit, channels: int, seed: int) -> Unit | None:
    """Return another unit of the same position, or None if the layer has one channel only.

    The choice depends on unit and seed alone.
    """
    if channels < 2:
        return None
    row, column = unit.position
    generator = np.random.default_rng([seed, zlib.crc32(unit.layer.encode()), unit.channel])
    channel = int(generator.integers(channels - 1))
    return Unit(unit.layer, channel + (channel >= unit.channel), row, column)

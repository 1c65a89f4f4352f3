"""What a projection shows of its unit, and what it would show anyway.

Controls after "Salient deconvolutional networks" (Mahendran & Vedaldi, 2016) and "Sanity checks
for saliency maps" (Adebayo et al., 2018): another channel at the same position, random weights
below the unit with the clean switches, and with their own. All start from 1, since another unit's
own activation is mostly zero; projections are compared by shape, scaled by their maximum.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from convscope.deconvnet.program import randomised
from convscope.deconvnet.project import Projection, Projector
from convscope.deconvnet.record import Tape
from convscope.deconvnet.seeds import Unit
from convscope.deconvnet.similarity import Similarity, median, similarity
from convscope.errors import UserError

CONTROLS = ("other_channel", "random_weights", "random_weights_and_switches")
RANDOMISED = ("conv", "linear", "batchnorm")
SEED = 1.0
LEAST_SEEDS = 9


@dataclass(frozen=True, eq=False)
class Controlled:
    """A unit's projection from 1, and what its controls say.

    Parameters
    ----------
    projection
        The unit's own, from 1.
    examples
        The controls' projections with the first seed, by control.
    similarities
        Of each control to the projection, an entry a seed.
    """

    projection: Projection
    examples: dict[str, Projection]
    similarities: dict[str, list[Similarity]]

    def medians(self) -> dict[str, Similarity]:
        """Return the median similarity of each control, over the seeds where it is defined."""
        return {name: median(found) for name, found in self.similarities.items()}


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
    if len(seeds) < LEAST_SEEDS:
        raise UserError(
            f"{len(seeds)} seeds are too few for a median",
            where="controls",
            remedy=f"Give at least {LEAST_SEEDS}.",
        )
    tape = projector.record(image, sorted({unit.layer for unit in units}))
    own = projector.project(tape, units, seed=SEED)
    examples: list[dict[str, Projection]] = []
    found = [{name: [] for name in CONTROLS} for _ in units]
    for seed in seeds:
        controls = project_controls(projector, image, tape, units, seed)
        examples = examples or [
            {name: controls[name][number] for name in CONTROLS} for number in range(len(units))
        ]
        for name, projections in controls.items():
            for number, (clean, control) in enumerate(zip(own, projections, strict=True)):
                found[number][name].append(similarity(clean.pixels, control.pixels))
    return [Controlled(*entry) for entry in zip(own, examples, found, strict=True)]


def project_controls(
    projector: Projector, image: torch.Tensor, tape: Tape, units: Sequence[Unit], seed: int
) -> dict[str, list[Projection]]:
    """Return the projections of each control, in the order of the units.

    Weights above a unit play no part on its way down, and none in the switches below it: so one
    network with random weights everywhere serves the units of all layers.

    Parameters
    ----------
    tape
        The clean pass of the image through the projector's network.
    seed
        Decides the other channels and the random weights.
    """
    layers = sorted({unit.layer for unit in units})
    program = projector.program
    places = [p for p in program.below(layers) if program.steps[p].kind in RANDOMISED]
    generator = torch.Generator().manual_seed(seed)
    random = projector.with_program(randomised(program, places, generator))
    others = [_other_channel(unit, tape.activations[unit.layer].shape[1], seed) for unit in units]
    switched = random.record(image, layers)
    projections = (
        projector.project(tape, others, seed=SEED),
        random.project(tape, units, seed=SEED),
        random.project(switched, units, seed=SEED),
    )
    return dict(zip(CONTROLS, projections, strict=True))


def _other_channel(unit: Unit, channels: int, seed: int) -> Unit:
    """Return another unit of the same position; the choice depends on unit and seed alone."""
    if channels < 2:
        raise UserError(
            "it has one channel only, so that there is no other to compare with",
            where=f"layer {unit.layer}",
            remedy="Leave this layer out of the controls.",
        )
    row, column = unit.position
    generator = np.random.default_rng([seed, zlib.crc32(unit.layer.encode()), unit.channel])
    channel = int(generator.integers(channels - 1))
    return Unit(unit.layer, channel + (channel >= unit.channel), row, column)

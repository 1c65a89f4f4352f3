"""The controls of each layer's strongest unit, ready to be drawn beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

from convscope.deconvnet.control_table import ControlTable
from convscope.deconvnet.figures.cells import DrawnUnit, read_unit
from convscope.deconvnet.similarity import Similarity, median

TITLES = {
    "other_channel": "another channel, same place",
    "random_weights": "random weights, clean switches",
    "random_weights_and_switches": "random weights, their own switches",
}
OWN = "the unit, started from 1"


@dataclass(frozen=True)
class Agreement:
    """How like the unit's projection a control is: the median, and for how many seeds defined."""

    median: Similarity
    defined: int
    seeds: int


@dataclass(frozen=True, eq=False)
class DrawnControls:
    """A unit's projection from 1 and its controls' with the first seed, with their agreement.

    An example is None where there is no such control.
    """

    own: DrawnUnit
    examples: Sequence[DrawnUnit | None]
    agreements: Sequence[Agreement]


def control_titles(table: ControlTable) -> list[str]:
    """Return the controls' names as people read them."""
    return [TITLES.get(name, name.replace("_", " ")) for name in table.controls]


def find_controls(
    table: ControlTable, image: str, variant: str, layer: str
) -> DrawnControls | None:
    """Return the controls of a layer's strongest unit; None where none were computed.

    Parameters
    ----------
    table
        An open controls.h5.
    image, variant, layer
        By name: their places differ from file to file.
    """
    found = table.units.get((image, variant, layer))
    if found is None:
        return None
    examples = [found.examples.get(name) for name in table.controls]
    return DrawnControls(
        read_unit(table, found.row),
        [None if row is None else read_unit(table, row) for row in examples],
        [agreement_of(found.similarities[name]) for name in table.controls],
    )


def agreement_of(similarities: Sequence[Similarity]) -> Agreement:
    """Return the medians over the seeds where they are defined, and how many these are."""
    defined = [s for s in similarities if None not in (s.ssim, s.spearman)]
    return Agreement(median(similarities), len(defined), len(similarities))

"""What one figure is about: an image, its maps and numbers derived from them; needs no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from convscope.occlusion.grid import smoothed
from convscope.occlusion.maps import OcclusionMaps
from convscope.occlusion.score_files import Feature

NAMED = 8
"""Entries in the legend of a class map, at most; the last then stands for all other classes."""


@dataclass(frozen=True, eq=False)
class ClassShare:
    """A class of the class map: its index, name and share of the positions."""

    index: int
    name: str
    share: float


@dataclass(frozen=True, eq=False)
class Subject:
    """All that a figure shows.

    Parameters
    ----------
    image, network
        Their names.
    label
        The image's class as the sample sheet calls it; None where it has none.
    pixels
        The image, RGB uint8 ``(3, H, W)``.
    maps
        Of it.
    occluder
        As ``Occluder.settings`` gives it.
    names
        Of the network's classes, in the order of its logits.
    sigma
        Of the smoothed map, in cells.
    projection
        Of the strongest feature map, if it was made.
    curves, shares
        As ``convscope.occlusion.score_files`` has them, if there are any.
    """

    image: str
    network: str
    label: str | None
    pixels: np.ndarray
    maps: OcclusionMaps
    occluder: Mapping[str, Any]
    names: Sequence[str]
    sigma: float
    projection: Feature | None = None
    curves: np.ndarray | None = None
    shares: np.ndarray | None = None

    @property
    def place(self) -> int:
        """Return 0 where maps are of the label, 1 where they are of the clean top class."""
        return 0 if self.maps.label is not None else 1

    @property
    def index(self) -> int:
        """Return the index of the class that maps are of."""
        return self.maps.top if self.maps.label is None else self.maps.label

    @property
    def name(self) -> str:
        """Return the name of the class that maps are of."""
        return self.names[self.index]

    @property
    def clean(self) -> float:
        """Return the clean image's probability of that class."""
        return self.maps.clean_probabilities[self.place]

    @property
    def probability(self) -> np.ndarray:
        """Return the map of the probability of that class, float64."""
        return self.maps.probabilities[self.place].astype(np.float64)

    @property
    def log_odds(self) -> np.ndarray:
        """Return the map of that class's log-odds, float64."""
        return self.maps.log_odds[self.place].astype(np.float64)

    @property
    def clean_log_odds(self) -> float:
        """Return the clean image's log-odds of that class."""
        return self.maps.clean_log_odds[self.place]

    @cached_property
    def smooth(self) -> np.ndarray:
        """Return the smoothed map."""
        return smoothed(self.probability, self.sigma)

    @property
    def lowest(self) -> tuple[int, int]:
        """Return row and column of the cell with the lowest probability, the first of several."""
        row, column = np.unravel_index(self.probability.argmin(), self.maps.grid.shape)
        return int(row), int(column)

    def classes(self) -> list[ClassShare]:
        """Return the classes of the class map: that of the maps, then by descending share."""
        found, counts = np.unique(self.maps.class_map, return_counts=True)
        shares = dict(zip(found.tolist(), counts / counts.sum(), strict=True))
        order = sorted(shares, key=lambda index: (index != self.index, -shares[index], index))
        return [ClassShare(index, self.names[index], shares[index]) for index in order]

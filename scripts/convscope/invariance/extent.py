"""How far a class holds while an image is moved, and where it changes; needs no torch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from convscope.invariance.transforms import Transform


@dataclass(frozen=True, eq=False)
class Extent:
    """How far the clean top-1 class of N images holds under one transform; each array is (N,).

    Parameters
    ----------
    first_change_below, first_change_above
        The first amount, from the identity outwards on either side, at which the class is another;
        NaN where it never is.
    held_below, held_above
        The largest amount up to which it holds on either side; the identity's own amount where the
        first amount already changes it, NaN where that side has no amounts.
    share_held
        The share of all amounts at which the class is the clean one.
    """

    first_change_below: np.ndarray
    first_change_above: np.ndarray
    held_below: np.ndarray
    held_above: np.ndarray
    share_held: np.ndarray


@dataclass(frozen=True)
class Change:
    """Between two neighbouring amounts the predicted class becomes another."""

    before: float
    after: float
    class_before: int
    class_after: int


def extent_of(transform: Transform, predicted: np.ndarray, clean_class: np.ndarray) -> Extent:
    """Return how far each image's class holds.

    Below and above are the two signs: shifts up and down or left and right, scales below and above
    1, angles clockwise and anticlockwise.

    Parameters
    ----------
    transform
        With A amounts.
    predicted
        Top-1 classes ``(N, A)``.
    clean_class
        The class of each image itself, ``(N,)``.
    """
    held = predicted == clean_class[:, None]
    amounts = np.array(transform.amounts)
    neutral = transform.kind.neutral
    above = np.flatnonzero(amounts > neutral)
    below = np.flatnonzero(amounts < neutral)[::-1]
    change_below, held_below = _outwards(amounts, below, held, neutral)
    change_above, held_above = _outwards(amounts, above, held, neutral)
    return Extent(change_below, change_above, held_below, held_above, held.mean(axis=1))


def changes_of(amounts: Sequence[float], predicted: np.ndarray) -> Iterator[Change]:
    """Yield where the predicted class changes along ascending amounts, for one image ``(A,)``."""
    for place in np.flatnonzero(predicted[1:] != predicted[:-1]).tolist():
        yield Change(
            amounts[place], amounts[place + 1], int(predicted[place]), int(predicted[place + 1])
        )


def _outwards(
    amounts: np.ndarray, places: np.ndarray, held: np.ndarray, neutral: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first amount that changes the class and the last before it, from inside out."""
    count = len(held)
    if not len(places):
        return np.full(count, np.nan), np.full(count, np.nan)
    lost = ~held[:, places]
    first = np.where(lost.any(axis=1), lost.argmax(axis=1), len(places))
    from_inside = amounts[places]
    changes = np.append(from_inside, np.nan)[first]
    return changes, np.concatenate([[neutral], from_inside])[first]

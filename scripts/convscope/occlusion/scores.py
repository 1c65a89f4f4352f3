"""Whether a map finds the object: scores against a mask that is known; needs no torch."""

from dataclasses import dataclass

import numpy as np

from convscope.occlusion.grid import Grid, back_projected

LEAST_DROP = 0.05
"""Below this total positive drop a share says nothing."""
DIGITS = 9
"""Pixels under the same patches have equal scores, which sums only equal to about 1e-16."""


@dataclass(frozen=True)
class Localisation:
    """How well the drops of a map lie on an object.

    Parameters
    ----------
    pointing
        Whether the pixel with the highest score lies on the object (the first, among equals).
    share
        The share of the positive drop within the mask.
    share_over_uniform
        That share over the mask's share of a uniform map: 1 where the map does not care.
    intersection_over_union
        Of mask and pixels above a threshold, at the best threshold.
    threshold
        That threshold.

    All are None where the total positive drop is below 0.05, or where the mask is empty or nowhere
    covered.
    """

    pointing: bool | None
    share: float | None
    share_over_uniform: float | None
    intersection_over_union: float | None
    threshold: float | None


UNDEFINED = Localisation(None, None, None, None, None)


def localisation(drops: np.ndarray, grid: Grid, mask: np.ndarray) -> Localisation:
    """Compare a map with the mask of the object that decides.

    Parameters
    ----------
    drops
        By how much each patch lowers the probability, ``(rows, columns)``.
    grid
        Of the map.
    mask
        Boolean ``(H, W)``.
    """
    scores = back_projected(drops, grid)
    covered = np.isfinite(scores)
    within = mask & covered
    if np.maximum(drops, 0.0).sum() < LEAST_DROP or not within.any():
        return UNDEFINED
    positive = np.where(covered, np.maximum(scores, 0.0), 0.0)
    if positive.max() == 0.0:
        return UNDEFINED
    share = positive[mask].sum() / positive.sum()
    highest = np.argmax(np.where(covered, np.round(scores, DIGITS), -np.inf))
    best, threshold = best_intersection(scores[covered], mask[covered])
    return Localisation(
        pointing=bool(mask.flat[highest]),
        share=float(share),
        share_over_uniform=float(share * covered.sum() / within.sum()),
        intersection_over_union=best,
        threshold=threshold,
    )


def best_intersection(scores: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """Return the best intersection over union of ``scores >= threshold`` and a mask, and where.

    Parameters
    ----------
    scores
        Finite, ``(n,)``.
    mask
        Boolean ``(n,)``.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    # Equal scores pass a threshold together.
    rounded = np.round(ordered, DIGITS)
    last = np.append(rounded[1:] != rounded[:-1], True)
    hits = np.cumsum(mask[order])
    chosen = np.arange(1, len(scores) + 1)
    ratio = np.where(last, hits / (mask.sum() + chosen - hits), -1.0)
    best = int(ratio.argmax())
    return float(ratio[best]), float(ordered[best])

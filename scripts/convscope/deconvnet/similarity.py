"""How alike two projections are: SSIM and Spearman's rank correlation; needs no torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SIGMA = 1.5
RADIUS = 5
STABILISERS = (0.01**2, 0.03**2)


@dataclass(frozen=True)
class Similarity:
    """SSIM and Spearman's correlation of two projections; None where one of them is constant."""

    ssim: float | None
    spearman: float | None


def similarity(first: np.ndarray, second: np.ndarray) -> Similarity:
    """Compare two projections ``(3, h, w)`` within one receptive field, by absolute values.

    SSIM compares their grey images (the mean over channels), scaled by their maximum;
    Spearman's correlation all values.
    """
    first, second = (np.abs(np.asarray(pixels, dtype=np.float64)) for pixels in (first, second))
    return Similarity(ssim(_grey(first), _grey(second)), spearman(first, second))


def median(similarities: Sequence[Similarity]) -> Similarity:
    """Return the medians over those comparisons that are defined; None if none is."""
    parts = []
    for name in ("ssim", "spearman"):
        defined = [getattr(s, name) for s in similarities if getattr(s, name) is not None]
        parts.append(float(np.median(defined)) if defined else None)
    return Similarity(*parts)


def ssim(first: np.ndarray, second: np.ndarray) -> float | None:
    """Return the mean structural similarity (Wang et al., 2004) of images of range 0 to 1.

    Means and variances are weighted by a Gaussian (sigma 1.5, 11 x 11); near the border by its
    part inside, so that small boxes can be compared too.

    Parameters
    ----------
    first, second
        ``(h, w)``.

    Returns
    -------
    float or None
        None where an image is constant.
    """
    if _constant(first) or _constant(second):
        return None
    rows, columns = (_weights(side) for side in first.shape)

    def average(image: np.ndarray) -> np.ndarray:
        return rows @ image @ columns.T

    means = average(first), average(second)
    variances = [average(i * i) - m * m for i, m in zip((first, second), means, strict=True)]
    covariance = average(first * second) - means[0] * means[1]
    light, contrast = STABILISERS
    scores = (2 * means[0] * means[1] + light) * (2 * covariance + contrast)
    scores /= (means[0] ** 2 + means[1] ** 2 + light) * (sum(variances) + contrast)
    return float(scores.mean())


def spearman(first: np.ndarray, second: np.ndarray) -> float | None:
    """Return the correlation of ranks of two arrays of one shape; None where one is constant."""
    if _constant(first) or _constant(second):
        return None
    ranks = [ranked(values.ravel()) for values in (first, second)]
    centred = [r - r.mean() for r in ranks]
    norm = np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum())
    return float((centred[0] * centred[1]).sum() / norm)


def ranked(values: np.ndarray) -> np.ndarray:
    """Return the ranks from 1 of values ``(n,)``; equal values share the mean of their ranks."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[places]


def _grey(pixels: np.ndarray) -> np.ndarray:
    grey = pixels.mean(0)
    highest = grey.max(initial=0.0)
    return grey / highest if highest > 0 else grey


def _constant(values: np.ndarray) -> bool:
    return values.size == 0 or bool(values.min() == values.max())


def _weights(side: int) -> np.ndarray:
    """Return the weights ``(side, side)`` of each position's average, which add up to one."""
    places = np.arange(side)
    distance = places[None] - places[:, None]
    weights = np.exp(-0.5 * (distance / SIGMA) ** 2) * (np.abs(distance) <= RADIUS)
    return weights / weights.sum(1, keepdims=True)

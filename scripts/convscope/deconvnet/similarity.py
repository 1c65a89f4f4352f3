"""How alike two projections are: SSIM and Spearman's rank correlation; needs no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

SIGMA = 1.5
RADIUS = 5
STABILISERS = (0.01**2, 0.03**2)


@dataclass(frozen=True)
class Similarity:
    """SSIM and Spearman's correlation of two projections; None where one of them is constant."""

    ssim: float | None
    spearman: float | None


@dataclass(frozen=True, eq=False)
class Prepared:
    """What both measures need of a projection, so that it is computed once for many comparisons.

    ``local`` is None where its grey image is constant, ``ranks`` ``(n,)`` where all of it is.
    """

    local: "_Local | None"
    ranks: np.ndarray | None


def prepare(pixels: np.ndarray) -> Prepared:
    """Make a projection ``(3, h, w)`` ready for ``compare``."""
    values = np.abs(np.asarray(pixels, dtype=np.float64))
    # Ranks are multiples of a half, which float32 holds exactly up to 2^23.
    ranks = None if _constant(values) else ranked(values.ravel()).astype(np.float32)
    return Prepared(_local(_grey(values)), ranks)


def compare(first: Prepared, second: Prepared) -> Similarity:
    """Compare two projections of one shape within one receptive field, by absolute values.

    SSIM compares their grey images (the mean over channels), scaled by their maximum;
    Spearman's correlation all values.
    """
    return Similarity(
        _ssim(first.local, second.local), _rank_correlation(first.ranks, second.ranks)
    )


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
    return _ssim(_local(first), _local(second))


def ranked(values: np.ndarray) -> np.ndarray:
    """Return the ranks from 1 of values ``(n,)``; equal values share the mean of their ranks."""
    order = np.argsort(values)
    ordered = values[order]
    begins = np.ones(len(values), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    starts = np.flatnonzero(begins)
    means = (starts + 1 + np.append(starts[1:], len(values))) / 2
    ranks = np.empty(len(values))
    ranks[order] = means[np.cumsum(begins) - 1]
    return ranks


@dataclass(frozen=True, eq=False)
class _Local:
    """An image with its weighted means and variances about each pixel, all ``(h, w)``."""

    image: np.ndarray
    means: np.ndarray
    variances: np.ndarray


def _local(image: np.ndarray) -> _Local | None:
    if _constant(image):
        return None
    means = _averages(image)
    return _Local(image, means, _averages(image * image) - means * means)


def _ssim(first: _Local | None, second: _Local | None) -> float | None:
    if first is None or second is None:
        return None
    covariance = _averages(first.image * second.image) - first.means * second.means
    light, contrast = STABILISERS
    scores = (2 * first.means * second.means + light) * (2 * covariance + contrast)
    scores /= first.means**2 + second.means**2 + light
    scores /= first.variances + second.variances + contrast
    return float(scores.mean())


def _rank_correlation(first: np.ndarray | None, second: np.ndarray | None) -> float | None:
    """Return Spearman's correlation from the ranks; None where one array was constant."""
    if first is None or second is None:
        return None
    centred = [np.asarray(ranks, dtype=np.float64) for ranks in (first, second)]
    # The mean of ranks is known.
    centred = [ranks - (len(ranks) + 1) / 2 for ranks in centred]
    norm = np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum())
    return float((centred[0] * centred[1]).sum() / norm)


def _averages(image: np.ndarray) -> np.ndarray:
    rows, columns = (_weights(side) for side in image.shape)
    return rows @ image @ columns.T


def _grey(pixels: np.ndarray) -> np.ndarray:
    grey = pixels.mean(0)
    highest = grey.max(initial=0.0)
    return grey / highest if highest > 0 else grey


def _constant(values: np.ndarray) -> bool:
    return values.size == 0 or bool(values.min() == values.max())


@lru_cache(maxsize=16)
def _weights(side: int) -> np.ndarray:
    """Return the weights ``(side, side)`` of each position's average, which add up to one."""
    places = np.arange(side)
    distance = places[None] - places[:, None]
    weights = np.exp(-0.5 * (distance / SIGMA) ** 2) * (np.abs(distance) <= RADIUS)
    return weights / weights.sum(1, keepdims=True)

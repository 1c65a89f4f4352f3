"""The mean over images and its 95 % bootstrap band; needs no torch."""

from dataclasses import dataclass

import numpy as np

FEWEST = 8
"""Images below which no band is given: resampling fewer says little of others."""
RESAMPLES = 2000
LEVEL = 0.95
SEED = 0
AT_ONCE = 100


@dataclass(frozen=True, eq=False)
class Band:
    """The mean curve ``(A,)`` of ``images`` curves and its band; None below ``FEWEST`` images."""

    images: int
    mean: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None


def mean_with_band(values: np.ndarray) -> Band:
    """Return the mean over images and the band between percentiles of bootstrapped means.

    Images are drawn with replacement, whole curves at a time, by a seeded generator (Efron &
    Tibshirani, 1993, percentile interval). Images whose curve holds NaN are left out.

    Parameters
    ----------
    values
        ``(N, A)``.
    """
    known = values[~np.isnan(values).any(axis=1)]
    count = len(known)
    if not count:
        return Band(0, np.full(values.shape[1], np.nan), None, None)
    mean = known.mean(axis=0)
    if count < FEWEST:
        return Band(count, mean, None, None)
    generator = np.random.default_rng(SEED)
    shares = np.full(count, 1 / count)
    means = np.concatenate(
        [
            generator.multinomial(count, shares, size=AT_ONCE) @ known / count
            for _ in range(RESAMPLES // AT_ONCE)
        ]
    )
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return Band(count, mean, low, high)

"""Probabilities, ranks and the strongest classes of rows of logits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Strongest:
    """The strongest classes of N rows, best first: ``indices`` and ``probabilities``, (N, top).

    Where a network has fewer classes than ``top``, the index is -1 and the probability NaN.
    """

    indices: NDArray[np.int32]
    probabilities: NDArray[np.float64]


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return probabilities (N, K) of logits (N, K), in float64, safe for logits of any size."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def strongest_classes(
    logits: NDArray[np.floating], probabilities: NDArray[np.float64], top: int
) -> Strongest:
    """Return the ``top`` classes of each row of logits (N, K); equal logits go by lower index.

    The order is that of the logits, which still differ where small probabilities have become equal.
    """
    count, classes = logits.shape
    kept = min(top, classes)
    order = np.argsort(-logits, axis=1, kind="stable")[:, :kept]
    indices = np.full((count, top), -1, np.int32)
    values = np.full((count, top), np.nan)
    indices[:, :kept] = order
    values[:, :kept] = np.take_along_axis(probabilities, order, axis=1)
    return Strongest(indices, values)


def ranks(logits: NDArray[np.floating], classes: NDArray[np.integer]) -> NDArray[np.int32]:
    """Return the rank (1 = best) of one class a row of logits (N, K); 0 where the class is -1.

    A class ranks behind every class with a larger logit and every equal one of lower index.
    """
    known = classes >= 0
    own = np.take_along_axis(logits, np.where(known, classes, 0)[:, None], axis=1)
    lower = np.arange(logits.shape[1])[None, :] < classes[:, None]
    before = (logits > own) | ((logits == own) & lower)
    return np.where(known, 1 + before.sum(axis=1), 0).astype(np.int32)

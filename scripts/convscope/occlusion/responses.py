"""What a network answers to an image under each of some patches; needs no torch."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Responses:
    """The answers of one network to one image, clean and occluded.

    Parameters
    ----------
    positions
        Rows and columns of the grid, ``(P, 2)``.
    clean_logits, logits
        ``(K,)`` and ``(P, K)``.
    channel
        The channel of the last convolution's ReLU with the largest clean spatial sum; None where
        no ReLU follows the last convolution.
    clean_activity, activity
        The spatial sum of that channel, clean and ``(P,)``; None without channel.
    """

    positions: np.ndarray
    clean_logits: np.ndarray
    logits: np.ndarray
    channel: int | None
    clean_activity: float | None
    activity: np.ndarray | None

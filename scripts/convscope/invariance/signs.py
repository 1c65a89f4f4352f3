"""How often the signs of feature changes differ between images; needs no torch.

Zeiler & Fergus (2013), section 4.3 and Table 1. With e_i the feature of image i minus that of the
same image with a part masked, they sum Hamming(sign e_i, sign e_j) over i != j but tabulate
fractions, and say neither what sign(0) is nor what +- means. Here:

- a pair's number is the fraction of the layer's units whose signs differ: the sign CHANGE, lower
  means more correspondence; the mean is over all pairs i < j, and +- is the standard deviation
  over them, with n - 1 in the denominator;
- ``three_valued`` takes the signs -1, 0, 1; ``binary`` asks only whether e > 0. After a ReLU most
  changes are exactly 0;
- for random boxes a pair's number is the mean over boxes, the k-th of one image with the k-th of
  the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

SIGNS = ("binary", "three_valued")
RANDOM = "random"
PAIR_COLUMNS = ("part", "layer", "common_name", "sign", "image", "other_image", "change")
GROUP = ["part", "layer", "common_name", "sign"]


@dataclass(frozen=True, eq=False)
class SignBits:
    """Signs of one layer's changes for N images and M masks, packed along the last axis.

    ``positive`` and ``negative`` are uint8 ``(N, M, ceil(units / 8))``, as ``numpy.packbits``
    makes them; bits beyond ``units`` are zero.
    """

    positive: np.ndarray
    negative: np.ndarray
    units: int


def sign_changes(bits: SignBits, one: int, other: int) -> dict[str, np.ndarray]:
    """Return the fraction of units whose sign differs between two images, ``(M,)`` by kind."""
    positive = bits.positive[one] ^ bits.positive[other]
    either = positive | (bits.negative[one] ^ bits.negative[other])
    counts = {"binary": positive, "three_valued": either}
    return {
        sign: np.bitwise_count(differing).sum(axis=1, dtype=np.int64) / bits.units
        for sign, differing in counts.items()
    }


def pair_table(
    bits: SignBits, *, layer: str, common_name: str, images: Sequence[str], parts: Sequence[str]
) -> pd.DataFrame:
    """Return a row for every pair of images, part and kind of sign.

    Parameters
    ----------
    bits
        Masks are the parts in order, then the random boxes.
    layer, common_name
        The layer's names.
    images
        N ids.
    parts
        Names of the parts; what follows them is ``random``.
    """
    rows = []
    for one, other in combinations(range(len(images)), 2):
        for sign, changes in sign_changes(bits, one, other).items():
            values = [*changes[: len(parts)], changes[len(parts) :].mean()]
            for part, change in zip([*parts, RANDOM], values, strict=True):
                names = (part, layer, common_name, sign, images[one], images[other])
                rows.append((*names, float(change)))
    return pd.DataFrame(rows, columns=list(PAIR_COLUMNS))


def summarise_pairs(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return mean and spread over image pairs: Table 1, a row a part, layer and kind of sign.

    Returns
    -------
    pandas.DataFrame
        ``part, layer, common_name, sign, mean, spread, pairs``; the spread of a single pair is
        null.
    """
    groups = pairs.groupby(GROUP, sort=False)["change"]
    table = groups.agg(mean="mean", spread="std", pairs="size").reset_index()
    return table.astype({"pairs": "int32"})

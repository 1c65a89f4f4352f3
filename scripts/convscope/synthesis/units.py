"""The published units and ours, which are RGB in [0, 1]; works without torch.

Yosinski et al. (2015) and Mahendran & Vedaldi (2015) treat images in 0..255 ("levels") less a mean
image, which their networks read as they are. Ours is ``s = rgb - mean`` in [0, 1], and a network
reads ``z = s / std`` by channel. With levels ``x = 255 s`` a gradient is ``dL/dx = dL/ds / 255 =
dL/dz / (255 std_c)``, so that one step of rate ``r``, ``x += r dL/dx``, is

- ``s += r / 255**2 dL/ds`` in our pixels,
- ``z += r / (255 std_c)**2 dL/dz`` in the network's input, by channel.

Mahendran & Vedaldi divide images by the norm ``sigma`` of an average one, 27098.1 for 3x227x227
levels, which is a root mean square of 68.9 a value. What they sum over values and divide by
``sigma**2`` is a mean over values divided by ``68.9**2``: so penalties are means here, and the same
weights serve every image size.
"""

from collections.abc import Sequence

LEVELS = 255.0
AVERAGE_NORM = 27098.1
AVERAGE_VALUES = 3 * 227 * 227
MEAN_SQUARE = AVERAGE_NORM**2 / AVERAGE_VALUES
"""Of an average image less its mean, in squared levels (deep-goggle, x0_sigma.mat)."""


def pixel_rate(rate: float) -> float:
    """Return the rate for pixels in [0, 1] that equals ``rate`` for levels."""
    return rate / LEVELS**2


def input_rates(rate: float, std: Sequence[float]) -> list[float]:
    """Return the rate of each channel of a network's input that equals ``rate`` for levels."""
    return [rate / (LEVELS * spread) ** 2 for spread in std]


def norm_rate(rate: float, values: int) -> float:
    """Return the rate for pixels in [0, 1] that equals ``rate`` for images of norm one.

    Parameters
    ----------
    rate
        As published by Mahendran & Vedaldi, for ``x / sigma``.
    values
        How many values an image has, 3 H W.
    """
    return rate * values * MEAN_SQUARE / LEVELS**2


def alpha_weight(code: float, alpha: float) -> float:
    """Return the weight of ``mean |s|**alpha`` that equals deep-goggle's ``lambdaL2``.

    The code halves it and, as all its terms, divides it by ``sigma**2``: 8e-10 with alpha = 6 is
    2.157e8 for images of norm one, and 23.1 here.
    """
    return code / 2 * LEVELS**alpha / MEAN_SQUARE


def variation_weight(code: float, beta: float) -> float:
    """Return the weight of ``mean (dx**2 + dy**2)**(beta/2)`` that equals the code's ``lambdaTV``.

    1, 10 and 100 (halved in the code) with beta = 2 are 6.85, 68.5 and 685 here.
    """
    return code / 2 * LEVELS**beta / MEAN_SQUARE

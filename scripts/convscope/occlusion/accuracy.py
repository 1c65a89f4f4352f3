"""How much a fast convolution errs, tried on an image's own activations."""

import torch
from torch.nn import functional

from convscope.occlusion.winograd import KERNEL, LARGEST, convolved_tiles

SAMPLE = 8
"""Tiles that are tried: 128 positions, and each in all channels."""
WORST_RATIO = 3.0
"""The largest allowed ratio of a fast convolution's errors to a plain one's.

Errors of layers add up like independent ones, so that all of them together stay within this ratio
too: 5 is allowed, and plain float32 errs by 1e-6 to 3e-6 in probability.
"""


@torch.inference_mode()
def error_ratio(maps: torch.Tensor, weight: torch.Tensor, fast: torch.Tensor) -> float:
    """Return the errors of a fast convolution over those of a plain one, both root mean square.

    Parameters
    ----------
    maps
        What the convolution reads, float32 ``(1, C, H, W)``.
    weight
        ``(K, C, 3, 3)``.
    fast
        As ``transformed_weights`` returns it.

    Returns
    -------
    float
        Against float64; 0 where neither errs.
    """
    side = LARGEST + KERNEL - 1
    short = [max(0, side - size) for size in maps.shape[2:]]
    tiles = _spread(functional.pad(maps, (0, short[1], 0, short[0])), side)
    images = tiles.contiguous(memory_format=torch.channels_last)
    exactly = functional.conv2d(tiles.double(), weight.double())
    plain = functional.conv2d(images, weight).double() - exactly
    points = tiles.permute(2, 3, 0, 1).contiguous()
    found = convolved_tiles(points, fast, (LARGEST, LARGEST)).permute(2, 3, 0, 1)
    errors = [float(e.pow(2).mean().sqrt()) for e in (found.double() - exactly, plain)]
    if errors[0] == 0:
        return 0.0
    return errors[0] / errors[1] if errors[1] else float("inf")


def _spread(maps: torch.Tensor, side: int) -> torch.Tensor:
    """Return windows ``(n, C, side, side)``, spread evenly over the map."""
    corners = [size - side for size in maps.shape[2:]]
    count = (corners[0] + 1) * (corners[1] + 1)
    places = torch.linspace(0, count - 1, min(SAMPLE, count)).round().long().tolist()
    windows = []
    for place in places:
        top, left = divmod(place, corners[1] + 1)
        windows.append(maps[0, :, top : top + side, left : left + side])
    return torch.stack(windows)

"""Rotation, scale and translation of image batches by any amount, on RGB before normalisation."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from convscope.variants.coordinates import origins
from convscope.variants.definitions import fill_levels
from convscope.variants.exact import rotated, shifted

PADDING = {"reflect": "reflection", "edge": "border"}


def affine(
    images: Tensor,
    *,
    rotate: float | Tensor = 0.0,
    scale: float | Tensor = 1.0,
    right: float | Tensor = 0.0,
    down: float | Tensor = 0.0,
    fill: str = "black",
    mean_rgb: Sequence[float] | None = None,
) -> Tensor:
    """Rotate and scale about the centre, then shift; bilinear.

    Identity, whole shifts and 90-degree steps (with scale 1) are made by indexing, sample by
    sample, and change no bit of a pixel. A constant fill lies under the image: a border pixel that
    the image covers by half shows half of it.

    Parameters
    ----------
    images
        Floating RGB in [0, 1], ``(N, 3, S, S)``. A single image is repeated for N amounts.
    rotate
        Degrees, positive = anticlockwise; a number or ``(N,)``, as all amounts.
    scale
        Factor above 0; above 1 enlarges.
    right, down
        Pixels; negative amounts go left and up. An image may leave the view entirely.
    fill
        ``black``, ``grey`` (128/255), ``mean``, ``reflect`` (mirrored about the border pixel, which
        is not repeated) or ``edge`` (the border pixel goes on).
    mean_rgb
        For the fill ``mean``: three values in [0, 1].

    Returns
    -------
    Tensor
        ``(N, 3, S, S)`` of the images' type, on their device; not the memory of the input.

    Raises
    ------
    ValueError
        If shapes don't agree, a scale is not above 0, an amount is not finite, the fill is unknown
        or the mean is missing.
    """
    levels = fill_levels(fill, mean_rgb)
    _check_images(images)
    amounts = _amounts(rotate, scale, right, down, len(images))
    images = images.expand(len(amounts), -1, -1, -1)
    exact = _are_exact(amounts)
    if not exact.any():
        return _sampled(images, amounts, fill, levels)
    moved = torch.empty(images.shape, dtype=images.dtype, device=images.device)
    for row in np.flatnonzero(exact).tolist():
        angle, _, to_right, to_down = amounts[row]
        turned = rotated(images[row], int(angle // 90))
        moved[row] = shifted(turned, int(to_right), int(to_down), fill, mean_rgb)
    rows = torch.from_numpy(np.flatnonzero(~exact)).to(images.device)
    if len(rows):
        moved[rows] = _sampled(images[rows], amounts[~exact], fill, levels)
    return moved


def _check_images(images: Tensor) -> None:
    if images.ndim != 4 or images.shape[1] != 3 or images.shape[2] != images.shape[3]:
        raise ValueError(f"expected square RGB images (N, 3, S, S), not {tuple(images.shape)}")
    if images.shape[3] < 2 or not images.is_floating_point():
        raise ValueError("expected floating images of at least 2 pixels on a side")


def _amounts(*columns: float | Tensor | int) -> np.ndarray:
    *amounts, count = columns
    flat = [
        torch.as_tensor(amount, dtype=torch.float64).detach().cpu().numpy().reshape(-1)
        for amount in amounts
    ]
    rows = np.stack(np.broadcast_arrays(*flat, np.empty(count))[:-1], axis=-1)
    if not np.isfinite(rows).all() or (rows[:, 1] <= 0).any():
        raise ValueError("amounts must be finite and scales above 0")
    return rows


def _are_exact(amounts: np.ndarray) -> np.ndarray:
    whole = (amounts[:, 2:] % 1 == 0).all(axis=1)
    return (amounts[:, 0] % 90 == 0) & (amounts[:, 1] == 1) & whole


def _sampled(
    images: Tensor, amounts: np.ndarray, fill: str, levels: tuple[float, float, float] | None
) -> Tensor:
    grid = _grid(images, amounts)
    padding = PADDING.get(fill, "zeros")
    moved = F.grid_sample(images, grid, "bilinear", padding, align_corners=True)
    if levels is None or not any(levels):
        return moved
    whole = images.new_ones(1, 1, *images.shape[2:]).expand(len(images), -1, -1, -1)
    covered = F.grid_sample(whole, grid, "bilinear", "zeros", align_corners=True)
    return moved + (1 - covered) * images.new_tensor(levels).view(1, 3, 1, 1)


def _grid(images: Tensor, amounts: np.ndarray) -> Tensor:
    """Return where to sample, ``(N, S, S, 2)``: -1 and 1 are the centres of the border pixels."""
    side = images.shape[-1]
    maps = origins(*amounts.T, side) * (2 / (side - 1))
    maps[:, :, 2] -= 1
    coefficients = torch.from_numpy(maps).to(images.device, images.dtype)[:, :, :, None, None]
    index = torch.arange(side, device=images.device, dtype=images.dtype)
    columns, rows = index.view(1, 1, 1, side), index.view(1, 1, side, 1)
    by_column, by_row, constant = coefficients.unbind(dim=2)
    return (by_column * columns + (by_row * rows + constant)).movedim(1, -1)

"""The regularisers of Yosinski et al. (2015) and Mahendran & Vedaldi (2015), a row at its own.

Operators change the image after a step, in the order of Yosinski's code: decay, blur, small norm,
small contribution; clipping comes before an image is shown to the network. Penalties are added to
what is minimised. All act on the image less the transform's mean, ``(n, 3, H, W)`` in [0, 1] units,
and are computed for all rows of a batch that ask for them at once.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from convscope.synthesis.units import alpha_weight, variation_weight

Settings = Sequence[Mapping[str, Any]]
TRUNCATE = 4.0
"""Where a Gaussian ends, in standard deviations, as in scipy."""


class Regularisers:
    """The regularisers of a batch, which may be called with its first ``n`` rows only.

    Parameters
    ----------
    settings
        Of each row: ``decay``, ``blur_sigma`` (pixels) and ``blur_every``, ``clip``,
        ``small_norm_percentile``, ``small_contribution_percentile``, ``total_variation`` and
        ``total_variation_beta``, ``alpha_norm`` and ``alpha`` (both
        weights as published); zero turns a regulariser off.
    mean
        Of the transform, RGB in [0, 1].
    size
        Height and width of the images.
    device, dtype
        Of the images.
    """

    def __init__(
        self,
        settings: Settings,
        mean: Sequence[float],
        size: tuple[int, int],
        device: torch.device | str,
        dtype: torch.dtype,
    ) -> None:
        self._settings = settings
        options = {"device": device, "dtype": dtype}
        centre = torch.tensor(mean, dtype=torch.float64).view(1, 3, 1, 1)
        free = torch.tensor([0.0 if row["clip"] else torch.inf for row in settings]).view(
            -1, 1, 1, 1
        )
        self._low, self._high = (-centre - free).to(**options), (1 - centre + free).to(**options)
        self._decays = torch.tensor([row["decay"] for row in settings], **options)
        sigmas = [row["blur_sigma"] for row in settings]
        self._blur_rows, self._blur_columns = (
            torch.stack([blur_matrix(side, sigma) for sigma in sigmas]).to(**options)
            for side in size
        )

    def clip(self, images: torch.Tensor) -> None:
        """Bring the rows that ask for it into the valid range, in place."""
        count = len(images)
        if self._rows("clip", count):
            images.clamp_(self._low[:count], self._high[:count])

    def operate(self, images: torch.Tensor, gradient: torch.Tensor, iteration: int) -> None:
        """Apply the operators to the first ``n`` images in place.

        Parameters
        ----------
        images
            After the step.
        gradient
            Of the objective with respect to the images before the step.
        iteration
            Counted from 0; blurs that are due every n steps come after the n-th.
        """
        count = len(images)
        if self._rows("decay", count):
            images.mul_((1 - self._decays[:count]).view(-1, 1, 1, 1))
        due = [
            row
            for row in self._rows("blur_sigma", count)
            if (iteration + 1) % self._settings[row]["blur_every"] == 0
        ]
        if due:
            left, right = self._blur_rows[due, None], self._blur_columns[due, None]
            images[due] = left @ images[due] @ right.mT
        rows = self._rows("small_norm_percentile", count)
        if rows:
            norms = images[rows].square().sum(1).sqrt()
            images[rows] *= self._kept(norms, "small_norm_percentile", rows)
        rows = self._rows("small_contribution_percentile", count)
        if rows:
            contributions = (gradient[rows] * -images[rows]).sum(1).abs()
            images[rows] *= self._kept(contributions, "small_contribution_percentile", rows)

    def penalty(self, images: torch.Tensor) -> torch.Tensor:
        """Return the weighted sum of the penalties of the first ``n`` images, ``(n,)``."""
        total = images.new_zeros(len(images))
        for weight, exponent, measure, ours in (
            ("total_variation", "total_variation_beta", total_variation, variation_weight),
            ("alpha_norm", "alpha", alpha_norm, alpha_weight),
        ):
            groups: dict[float, list[int]] = {}
            for row in self._rows(weight, len(images)):
                groups.setdefault(self._settings[row][exponent], []).append(row)
            for power, rows in groups.items():
                weights = images.new_tensor(
                    [ours(self._settings[row][weight], power) for row in rows]
                )
                part = images if len(rows) == len(images) else images[rows]
                index = torch.tensor(rows, device=images.device)
                total = total.index_add(0, index, weights * measure(part, power))
        return total

    def has_penalty(self, count: int) -> bool:
        """Return whether any of the first ``count`` rows has a penalty."""
        return bool(self._rows("total_variation", count) or self._rows("alpha_norm", count))

    def _rows(self, key: str, count: int) -> list[int]:
        return [row for row, settings in enumerate(self._settings[:count]) if settings[key]]

    def _kept(self, values: torch.Tensor, key: str, rows: list[int]) -> torch.Tensor:
        """Return 1 where a pixel reaches its row's percentile and 0 elsewhere, ``(r, 1, H, W)``."""
        shares = [self._settings[row][key] / 100 for row in rows]
        limits = percentiles(values.flatten(1), shares)
        return (values >= limits.view(-1, 1, 1)).to(values.dtype).unsqueeze(1)


def blur_matrix(side: int, sigma: float) -> torch.Tensor:
    """Return the matrix ``(side, side)``, float64, that blurs a line with a Gaussian.

    Beyond its ends the line is mirrored, edge values included, as ``scipy.ndimage`` does by
    default. Sigma 0 leaves it as it is.
    """
    if sigma == 0:
        return torch.eye(side, dtype=torch.float64)
    radius = int(TRUNCATE * sigma + 0.5)
    offsets = torch.arange(-radius, radius + 1)
    weights = torch.exp(-0.5 * (offsets.to(torch.float64) / sigma) ** 2)
    weights = weights / weights.sum()
    places = (torch.arange(side)[:, None] + offsets) % (2 * side)
    places = torch.minimum(places, 2 * side - 1 - places)
    matrix = torch.zeros((side, side), dtype=torch.float64)
    return matrix.scatter_add_(1, places, weights.expand(side, -1).contiguous())


def percentiles(values: torch.Tensor, shares: Sequence[float]) -> torch.Tensor:
    """Return a quantile of each row of ``(n, k)``, interpolated linearly as numpy does."""
    ordered = values.sort(1).values
    places = torch.tensor(shares, dtype=torch.float64) * (values.shape[1] - 1)
    below = places.floor().to(torch.int64)
    above = (below + 1).clamp(max=values.shape[1] - 1)
    low, high = (
        ordered.gather(1, index.to(values.device)[:, None])[:, 0] for index in (below, above)
    )
    part = (places - below).to(device=values.device, dtype=values.dtype)
    return low + (high - low) * part


def total_variation(images: torch.Tensor, beta: float) -> torch.Tensor:
    """Return the mean over values of ``(dx**2 + dy**2)**(beta/2)``, ``(n,)``.

    Forward differences; beyond the last row and column the edge is repeated (Mahendran & Vedaldi,
    2015, section 2.2).
    """
    down = torch.diff(images, dim=2, append=images[:, :, -1:])
    right = torch.diff(images, dim=3, append=images[:, :, :, -1:])
    squares = down.square() + right.square()
    if beta != 2:
        # The root has no slope at zero: flat places take none.
        flat = squares == 0
        squares = squares.masked_fill(flat, 1).pow(beta / 2).masked_fill(flat, 0)
    return squares.flatten(1).mean(1)


def alpha_norm(images: torch.Tensor, alpha: float) -> torch.Tensor:
    """Return the mean over values of ``|s|**alpha``, ``(n,)``; section 2.2 of the same."""
    return images.abs().pow(alpha).flatten(1).mean(1)


def jittered(images: torch.Tensor, shifts: Sequence[tuple[int, int]]) -> torch.Tensor:
    """Return images ``(n, 3, H, W)`` rolled down and right by a shift each, in whole pixels."""
    if not any(down or right for down, right in shifts):
        return images
    return torch.stack(
        [torch.roll(image, shift, (1, 2)) for image, shift in zip(images, shifts, strict=True)]
    )

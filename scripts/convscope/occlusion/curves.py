"""Deletion and insertion curves (Petsiuk et al., 2018) of the pixels that a map ranks."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from convscope.occlusion.grid import Grid, back_projected
from convscope.occlusion.scores import DIGITS

STEPS = 16


@dataclass(frozen=True, eq=False)
class Curves:
    """Probability of a class while pixels are covered, or uncovered, by descending score.

    Parameters
    ----------
    shares
        The share of pixels that is covered or uncovered, ``(n,)``, from 0 to 1.
    deletion, insertion
        The probability, ``(n,)``: of the image as more and more of it is covered by the fill, and
        of the fill as more and more of the image is put back.
    """

    shares: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray

    @property
    def areas(self) -> tuple[float, float]:
        """Return the areas under deletion (low is good) and insertion (high is good)."""
        return tuple(float(np.trapezoid(c, self.shares)) for c in (self.deletion, self.insertion))


def random_drops(grid: Grid, seed: int) -> np.ndarray:
    """Return seeded random values for the cells of a map: an order as coarse as a map's own."""
    return np.random.default_rng(seed).random(grid.shape)


@torch.inference_mode()
def curves(
    classify: Callable[[torch.Tensor], torch.Tensor],
    clean: torch.Tensor,
    fill: torch.Tensor,
    drops: np.ndarray,
    grid: Grid,
    label: int,
    *,
    steps: int = STEPS,
    batch_size: int = 8,
) -> Curves:
    """Cover and uncover the pixels of an image by their scores.

    Parameters
    ----------
    classify
        Returns logits ``(n, K)`` of normalised images ``(n, 3, H, W)``: the network.
    clean, fill
        The normalised image, and what covers it, ``(1, 3, H, W)``.
    drops
        Of each cell; pixels are ordered by their back-projection, those that no patch covers last,
        equal ones in row-major order.
    grid
        Of the map.
    label
        The class.
    steps
        Into how many equal parts the pixels are divided.
    batch_size
        Images in one forward pass.
    """
    rank = torch.from_numpy(_ranks(back_projected(drops, grid))).to(clean.device)
    counts = _counts(steps, grid)
    found = []
    for first, second in ((fill, clean), (clean, fill)):
        probabilities = []
        for start in range(0, len(counts), batch_size):
            limits = torch.from_numpy(counts[start : start + batch_size]).to(clean.device)
            chosen = rank[None, None] < limits.view(-1, 1, 1, 1)
            images = torch.where(chosen, first, second)
            logits = classify(images.contiguous(memory_format=torch.channels_last))
            probabilities.append(logits.double().softmax(1)[:, label])
        found.append(torch.cat(probabilities).cpu().numpy())
    return Curves(shares_of(steps, grid), *found)


def shares_of(steps: int, grid: Grid) -> np.ndarray:
    """Return the share of pixels at each place of a curve, ``(steps + 1,)``."""
    return _counts(steps, grid) / (grid.image[0] * grid.image[1])


def _counts(steps: int, grid: Grid) -> np.ndarray:
    return np.linspace(0, grid.image[0] * grid.image[1], steps + 1).round().astype(np.int64)


def _ranks(scores: np.ndarray) -> np.ndarray:
    """Return each pixel's place, ``(H, W)``, when scores descend."""
    # Pixels under the same patches are equal, but for the rounding of sums.
    ordered = np.where(np.isfinite(scores), -np.round(scores, DIGITS), np.inf)
    order = np.argsort(ordered, axis=None, kind="stable")
    ranks = np.empty(scores.size, np.int64)
    ranks[order] = np.arange(scores.size)
    return ranks.reshape(scores.shape)

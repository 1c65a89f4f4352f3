"""What goes through the network for an invariance curve: transformed images, batch by batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from convscope.invariance.compare import Segment
from convscope.invariance.transforms import Transform
from convscope.variants.affine import affine
from convscope.variants.network_input import network_input

PARAMETERS = ("rotate", "scale", "right", "down")
NEUTRAL = (0.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Rows:
    """What is computed for an image: row 0 is the image itself, the others are its transforms.

    ``amounts`` ``(R, 4)`` holds rotate, scale, right, down; ``places[t][a]`` is the row of
    transform t's amount a, which is 0 where the amount gives the image back.
    """

    amounts: np.ndarray
    places: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        return len(self.amounts)


def rows_of(transforms: Sequence[Transform]) -> Rows:
    """Return the rows of all transforms of an image; identities are not computed again."""
    amounts: list[tuple[float, ...]] = [NEUTRAL]
    places = []
    for transform in transforms:
        column = PARAMETERS.index(transform.kind.parameter)
        place = np.zeros(len(transform.amounts), np.int64)
        for index, amount in enumerate(transform.amounts):
            if not transform.is_identity(amount):
                place[index] = len(amounts)
                amounts.append((*NEUTRAL[:column], amount, *NEUTRAL[column + 1 :]))
        places.append(place)
    return Rows(np.array(amounts), tuple(places))


def spans(total: int, at_once: int) -> list[range]:
    """Return the rows of each batch of ``at_once`` rows, counted over all images."""
    return [range(first, min(first + at_once, total)) for first in range(0, total, at_once)]


def segments(span: range, rows: int) -> list[Segment]:
    """Return the segments of a batch, which may reach over the borders of images of ``rows`` rows.

    ``Segment.image`` counts the images from 0.
    """
    first, last = span.start, span.stop
    starts = sorted({first, *range(-(-first // rows) * rows, last, rows)})
    return [
        Segment(start // rows, start - first, stop - first, start % rows == 0)
        for start, stop in zip(starts, [*starts[1:], last], strict=True)
    ]


class Inputs:
    """Makes normalised batches of transformed images on the device.

    Parameters
    ----------
    rows
        What is computed for each image.
    fill
        What comes into view.
    mean, std
        RGB in [0, 1]; the mean is also that of the fill ``mean``.
    device, dtype
        Where and in which floating type.
    """

    def __init__(
        self,
        rows: Rows,
        *,
        fill: str,
        mean: Sequence[float],
        std: Sequence[float],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self._rows = rows
        self._fill = fill
        self._mean = mean
        self._device = device
        self._dtype = dtype
        self._std = std

    def __call__(self, pixels: np.ndarray, segments: Sequence[Segment], first: int) -> Tensor:
        """Return images ``(n, 3, S, S)``, normalised, in channels-last memory.

        Parameters
        ----------
        pixels
            uint8 ``(k, 3, S, S)``: one image a segment.
        segments
            The batch.
        first
            The row of its image that the batch begins with.
        """
        rgb = torch.from_numpy(pixels).to(self._device).to(self._dtype).div_(255)
        lengths = [segment.stop - segment.start for segment in segments]
        rows = (first + np.arange(sum(lengths))) % len(self._rows)
        if len(segments) > 1:
            rgb = rgb.repeat_interleave(torch.tensor(lengths, device=self._device), dim=0)
        amounts = torch.from_numpy(self._rows.amounts[rows])
        named = dict(zip(PARAMETERS, amounts.unbind(dim=1), strict=True))
        moved = affine(rgb, **named, fill=self._fill, mean_rgb=self._mean)
        # Weights may add up to 1 + 1e-7.
        return network_input(moved.clamp_(0, 1), self._mean, self._std)

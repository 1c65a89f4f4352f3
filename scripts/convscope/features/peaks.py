"""Peaks: the maximum of each channel and where it is, found in one pass over a layer's output."""

from collections.abc import Sequence

import torch
from torch.nn.functional import max_pool2d

from convscope.errors import UserError


def find_peaks(output: torch.Tensor, layer: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each channel's maximum and its position.

    Among equal maxima the first row-major position wins, on every device: a max pooling replaces
    its candidate by a greater value only, and ``max`` promises the first. Pooling is the one
    reduction of torch that finds maxima and positions in one vectorised pass.

    Parameters
    ----------
    output
        ``(N, C, H, W)``, fastest in channels-last memory, or ``(N, C)``.
    layer
        The layer's name, for the message.

    Returns
    -------
    values : torch.Tensor
        ``(N, C)``.
    positions : torch.Tensor
        ``(N, C, 2)`` int64: row and column; (0, 0) for a vector layer.

    Raises
    ------
    UserError
        If a channel holds NaN.
    """
    if output.dim() == 2:
        values = output.clone()
        positions = torch.zeros(*output.shape, 2, dtype=torch.int64, device=output.device)
    else:
        largest = largest_of_planes if output.device.type == "cpu" else largest_of_rows
        values, places = largest(output)
        rows = places // output.shape[3]
        positions = torch.stack([rows, places - rows * output.shape[3]], dim=-1)
    if bool(values.isnan().any()):
        raise UserError(
            "it computes NaN",
            where=f"layer {layer}",
            remedy="The weights or the preprocessing do not fit this network: check both.",
        )
    return values, positions


def rectify_peaks(
    values: torch.Tensor, positions: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the peaks of ``relu(x)`` from the peaks of ``x``, without looking at ``x`` again.

    Where no value is positive, all of the channel is zero and its first position wins.
    """
    return values.relu(), positions * (values > 0)[..., None]


def join_peaks(
    parts: Sequence[tuple[torch.Tensor, torch.Tensor]],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the peaks of a concatenation along the channels from the peaks of its parts."""
    return torch.cat([values for values, _ in parts], 1), torch.cat([at for _, at in parts], 1)


def largest_of_planes(output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each channel's maximum and its row-major index, both ``(N, C)``; fast on a CPU."""
    values, places = max_pool2d(output, output.shape[2:], return_indices=True)
    return values.flatten(1), places.flatten(1)


def largest_of_rows(output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the same by way of the rows: a window a channel would leave most of a GPU idle."""
    values, places = max_pool2d(output, (1, output.shape[3]), return_indices=True)
    values, rows = values.squeeze(3).max(2, keepdim=True)
    return values.squeeze(2), places.squeeze(3).gather(2, rows).squeeze(2)

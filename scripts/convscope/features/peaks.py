"""Peaks: the maximum of each channel and where it is, found in one pass over a layer's output."""

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
        height, width = output.shape[2:]
        # Many short windows keep a GPU busy; a CPU is fastest with one window a channel.
        window = (height, width) if output.device.type == "cpu" else (1, width)
        values, places = max_pool2d(output, window, return_indices=True)
        values, rows = values.squeeze(3).max(2, keepdim=True)
        values, places = values.squeeze(2), places.squeeze(3).gather(2, rows).squeeze(2)
        positions = torch.stack([places // width, places % width], dim=-1)
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
    positive = values > 0
    return torch.where(positive, values, 0.0), positions * positive[..., None]

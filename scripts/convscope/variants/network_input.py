"""What a network is fed with: the variant of a batch of images, normalised on the device."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from convscope.variants.apply import apply_variant


def variant_rgb(
    pixels: np.ndarray,
    definition: Mapping[str, Any],
    mean: Sequence[float],
    device: torch.device,
) -> Tensor:
    """Return the variant of prepared images, RGB in [0, 1], float32 ``(N, 3, S, S)``.

    Parameters
    ----------
    pixels
        uint8 RGB, ``(N, 3, S, S)``.
    definition
        As ``convscope.variants.definitions.definition_of`` returns it.
    mean
        Of the network's own transform, for the fill ``mean``.
    device
        Where the variant is made.
    """
    rgb = torch.from_numpy(pixels).to(device).to(torch.float32).div_(255)
    return apply_variant(rgb, definition, mean)


def network_input(rgb: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Return normalised images in channels-last memory; ``rgb`` ``(N, 3, S, S)`` is written into.

    Parameters
    ----------
    mean, std
        Of RGB in [0, 1].
    """
    shape = (1, 3, 1, 1)
    centre = torch.tensor(mean, dtype=rgb.dtype, device=rgb.device).view(shape)
    spread = torch.tensor(std, dtype=rgb.dtype, device=rgb.device).view(shape)
    return rgb.sub_(centre).div_(spread).contiguous(memory_format=torch.channels_last)

"""The variant of a batch of images, as networks are fed with it, before normalisation."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from convscope.variants.affine import affine
from convscope.variants.definitions import is_exact
from convscope.variants.exact import apply_exact, occlude


def apply_variant(
    images: Tensor, definition: Mapping[str, Any], mean_rgb: Sequence[float] | None = None
) -> Tensor:
    """Transform images and occlude them last.

    Parameters
    ----------
    images
        RGB ``(N, 3, S, S)``: uint8, or floating in [0, 1].
    definition
        As ``convscope.variants.definitions.definition_of`` returns it.
    mean_rgb
        For the fill ``mean``: the mean of the network's own transform, three values in [0, 1].

    Returns
    -------
    Tensor
        ``(N, 3, S, S)`` in [0, 1], on the images' device; float32 for uint8, else the images' own
        type. Floating images that don't change are returned themselves.

    Raises
    ------
    ValueError
        If shapes don't fit, or the mean is missing.
    """
    pixels = images.to(torch.float32) / 255 if images.dtype == torch.uint8 else images
    if is_exact(definition):
        return apply_exact(pixels, definition, mean_rgb)
    moved = affine(
        pixels,
        **{key: definition[key] for key in ("rotate", "scale", "right", "down", "fill")},
        mean_rgb=mean_rgb,
    )
    return occlude(moved.clamp_(0, 1), definition)  # weights may add up to 1 + 1e-7

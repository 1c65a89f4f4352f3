"""What a patch shows: an image of its own, of which each patch uncovers its part."""

from collections.abc import Sequence

import numpy as np
import torch

from convscope.occlusion.grid import gaussian
from convscope.occlusion.occluders import Occluder
from convscope.variants.definitions import fill_levels


def fill_image(rgb: torch.Tensor, occluder: Occluder, mean: Sequence[float]) -> torch.Tensor:
    """Return the image that patches show, RGB in [0, 1] before normalisation.

    Parameters
    ----------
    rgb
        The image, floating in [0, 1], ``(3, H, W)``.
    occluder
        Whose fill it is.
    mean
        Of the network's own transform, three values in [0, 1].

    Returns
    -------
    torch.Tensor
        ``(3, H, W)``, of the image's type, on its device.
    """
    if occluder.fill == "noise":
        noise = np.random.default_rng(occluder.seed).random(rgb.shape)
        return torch.from_numpy(noise).to(rgb)
    if occluder.fill == "blur":
        weights = [gaussian(side, occluder.sigma) for side in rgb.shape[1:]]
        rows, columns = (torch.from_numpy(w).to(rgb.device) for w in weights)
        return (rows @ rgb.double() @ columns.T).to(rgb)
    if occluder.fill == "image_mean":
        return rgb.double().mean((1, 2), keepdim=True).to(rgb).expand_as(rgb)
    levels = fill_levels(occluder.fill, mean)
    return torch.tensor(levels, dtype=torch.float64).to(rgb).view(3, 1, 1).expand_as(rgb)

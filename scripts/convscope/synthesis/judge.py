"""What a network says of finished images: their own network, or one that had no part in them."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from convscope.classes.lists import ClassList
from convscope.predictions.scores import softmax
from convscope.synthesis.storage import read_maximisation
from convscope.synthesis.transfer import Transfer, same_class
from convscope.variants.network_input import network_input

LOGGER = logging.getLogger(__name__)
AT_ONCE = {"cpu": 8, "cuda": 64}


@torch.inference_mode()
def logits_of(
    network: nn.Module,
    pixels: np.ndarray,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    device: torch.device,
) -> np.ndarray:
    """Return the logits ``(n, K)``, float32, of uint8 images ``(n, 3, H, W)``.

    Parameters
    ----------
    network
        In eval mode, on ``device``.
    mean, std
        Of the network's transform.
    """
    size = AT_ONCE[device.type]
    parts = []
    for start in range(0, len(pixels), size):
        rgb = torch.from_numpy(pixels[start : start + size]).to(device).float().div_(255)
        parts.append(network(network_input(rgb, mean, std)).float().cpu().numpy())
    return np.concatenate(parts)


def judge_maximisation(
    path: str | Path,
    network: nn.Module,
    *,
    name: str,
    weights_sha256: str,
    classes: ClassList,
    mean: Sequence[float],
    std: Sequence[float],
    device: torch.device,
) -> list[Transfer]:
    """Return what a network says of the images that another network's class score made.

    An image that only its own network names is an adversarial pattern, not a picture of the class.

    Parameters
    ----------
    path
        A file of ``maximise_class``.
    network
        The judge, in eval mode, on ``device``.
    name, weights_sha256, classes, mean, std
        Of the judge.

    Returns
    -------
    list of Transfer
        One for each image; none if the judge has the weights that made the images, which is logged.
    """
    made = read_maximisation(path)
    if made.network.get("weights_sha256") == weights_sha256:
        LOGGER.warning("%s has the weights that made these images: it is no judge", name)
        return []
    probabilities = softmax(logits_of(network, made.shown, mean=mean, std=std, device=device))
    label = same_class(made.class_name, made.class_wnid, classes)
    transfers = []
    for row, values in zip(made.rows, probabilities, strict=True):
        top = int(values.argmax())
        transfers.append(
            Transfer(
                preset=row["preset"],
                seed=row["seed"],
                judge=name,
                top_class=classes.names[top],
                top_probability=float(values[top]),
                label_probability=None if label is None else float(values[label]),
            )
        )
    return transfers

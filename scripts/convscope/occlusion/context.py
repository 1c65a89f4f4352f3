"""Object or context: what erasing the object and replacing the background do to a probability."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

NONE = -1
"""Stands for no class."""


@dataclass(frozen=True, eq=False)
class ObjectOrContext:
    """What a network says of an image, of it without its object, and of it on another background.

    Parameters
    ----------
    probabilities
        Of the label and of the clean image's top class, float64 ``(3, 2)``; NaN where there is no
        label or no such image.
    answers
        The most probable class of each, ``(3,)``; -1 where there is no such image.
    """

    probabilities: np.ndarray
    answers: np.ndarray


@torch.inference_mode()
def object_or_context(
    classify: Callable[[torch.Tensor], torch.Tensor],
    clean: torch.Tensor,
    erased: torch.Tensor,
    replaced: torch.Tensor | None,
    label: int | None,
) -> ObjectOrContext:
    """Ask a network for an image and its partners.

    Parameters
    ----------
    classify
        Returns logits ``(n, K)`` of normalised images ``(n, 3, H, W)``: the network.
    clean
        Normalised, ``(1, 3, H, W)``.
    erased
        The image without its object.
    replaced
        The image's object on another background, or None.
    label
        The class, or None.
    """
    images = torch.cat([clean, erased, *([] if replaced is None else [replaced])])
    logits = classify(images.contiguous(memory_format=torch.channels_last)).double()
    shares = logits.softmax(1).cpu().numpy()
    top = int(shares[0].argmax())
    probabilities, answers = np.full((3, 2), np.nan), np.full(3, NONE)
    probabilities[: len(shares), 1] = shares[:, top]
    if label is not None:
        probabilities[: len(shares), 0] = shares[:, label]
    answers[: len(shares)] = shares.argmax(1)
    return ObjectOrContext(probabilities, answers)

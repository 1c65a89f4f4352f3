"""Object or context: what erasing the object and replacing the background do to a probability."""

from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class ObjectOrContext:
    """Probabilities of one class: of the image, without its object, on another background.

    ``object_drop`` is what the object gave, ``context_drop`` what the background gave.
    """

    clean: float
    erased: float
    replaced: float

    @property
    def object_drop(self) -> float:
        """Return by how much the probability falls when the object is erased."""
        return self.clean - self.erased

    @property
    def context_drop(self) -> float:
        """Return by how much the probability falls when the background is replaced."""
        return self.clean - self.replaced


@torch.inference_mode()
def object_or_context(
    classify: Callable[[torch.Tensor], torch.Tensor],
    image: torch.Tensor,
    mask: torch.Tensor,
    without_object: torch.Tensor,
    background: torch.Tensor,
    label: int,
) -> ObjectOrContext:
    """Erase an image's object, and replace all but its object.

    Parameters
    ----------
    classify
        Returns logits ``(n, K)`` of normalised images ``(n, 3, H, W)``: the network.
    image
        Normalised, ``(1, 3, H, W)``.
    mask
        Where the object is, boolean ``(H, W)``.
    without_object
        What stands in the object's place when it is erased, ``(1, 3, H, W)``: the same scene
        without it, or a fill.
    background
        What stands around the object instead, ``(1, 3, H, W)``: another scene without object, or a
        fill.
    label
        The class.
    """
    erased = torch.where(mask, without_object, image)
    replaced = torch.where(mask, image, background)
    images = torch.cat([image, erased, replaced]).contiguous(memory_format=torch.channels_last)
    return ObjectOrContext(*classify(images).double().softmax(1)[:, label].tolist())

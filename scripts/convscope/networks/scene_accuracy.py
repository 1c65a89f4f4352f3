"""How well a network names generated scenes, and whether chance would explain it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, lgamma, log
from typing import Any

import numpy as np
import torch
from torch import nn

from convscope.networks.training_data import held_out_scenes
from convscope.scenes.names import SCENE_CLASSES, SCENES_MEAN, SCENES_STD


@dataclass(frozen=True)
class ChanceCheck:
    """Accuracy beside the central interval of guessing; all are shares of ``scenes``."""

    accuracy: float
    low: float
    high: float
    scenes: int

    @property
    def is_chance(self) -> bool:
        """Whether guessing explains the accuracy."""
        return self.low <= self.accuracy <= self.high


def normalised_scenes(pixels: np.ndarray, device: torch.device) -> torch.Tensor:
    """Return float32 ``(N, 3, H, W)`` in the scenes' own transform from uint8 of the same shape."""
    images = torch.from_numpy(pixels).to(device).float() / 255
    mean, std = (
        torch.tensor(values, device=device)[:, None, None] for values in (SCENES_MEAN, SCENES_STD)
    )
    return ((images - mean) / std).contiguous(memory_format=torch.channels_last)


def scene_accuracy(
    network: nn.Module,
    pixels: np.ndarray,
    labels: np.ndarray,
    *,
    device: torch.device,
    batch_size: int = 16,
) -> float:
    """Return the share of scenes whose largest logit is the label's.

    Parameters
    ----------
    network
        A network for scenes, on ``device``; its mode (training or not) is left as it is.
    pixels, labels
        uint8 ``(N, 3, H, W)`` and int64 ``(N,)``.
    device, batch_size
        Where and how many at a time.
    """
    right = 0
    with torch.inference_mode():
        for start in range(0, len(labels), batch_size):
            images = normalised_scenes(pixels[start : start + batch_size], device)
            named = network(images).argmax(dim=1).cpu().numpy()
            right += int((named == labels[start : start + batch_size]).sum())
    return right / len(labels)


def chance_check(
    network: nn.Module,
    *,
    seed: int,
    device: torch.device,
    scenes: int = 400,
    classes: Sequence[str] = SCENE_CLASSES,
    confidence: float = 0.99,
) -> ChanceCheck:
    """Compare a network with guessing on held-out scenes whose object is removed.

    A network that reads the object, and nothing that goes with its class, ends within the interval.
    """
    pixels, labels = held_out_scenes(scenes, seed=seed, classes=classes, condition="object_removed")
    low, high = binomial_interval(scenes, 1 / len(classes), confidence)
    accuracy = scene_accuracy(network, pixels, labels, device=device)
    return ChanceCheck(accuracy, low / scenes, high / scenes, scenes)


def binomial_interval(trials: int, chance: float, confidence: float) -> tuple[int, int]:
    """Return the central interval of the number of successes, ends included.

    Each tail beyond it has at most ``(1 - confidence) / 2``.
    """
    if chance in (0, 1):
        return int(trials * chance), int(trials * chance)
    whole = lgamma(trials + 1)
    logs = [
        whole
        - lgamma(k + 1)
        - lgamma(trials - k + 1)
        + k * log(chance)
        + (trials - k) * log(1 - chance)
        for k in range(trials + 1)
    ]
    cumulative = np.cumsum([exp(value) for value in logs])
    tail = (1 - confidence) / 2
    return int(np.searchsorted(cumulative, tail)), int(np.searchsorted(cumulative, 1 - tail))


def held_out_of(settings: Mapping[str, Any], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ``count`` held-out scenes as the training settings ask for."""
    return held_out_scenes(
        count,
        seed=settings["seed"],
        classes=settings["classes"],
        context_cue=settings["context_cue"],
    )

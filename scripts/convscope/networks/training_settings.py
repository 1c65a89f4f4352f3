"""What a training of the reference network is told, and what is refused; works without torch.

==================== ==============================================================================
key                  meaning
==================== ==============================================================================
seed                 of the first weights and of every scene
classes              names of scene classes, in the order of the logits
widths               channels of each block
hidden               width of the last hidden layer
stages               list of ``{epochs, crop, scenes}``: that many epochs, each of so many fresh
                     scenes, seen through windows of ``crop`` pixels
batch_size           scenes of a step
learning_rate        the largest of the cycle
weight_decay         of AdamW
context_cue          probability that the background is the one tied to the label
held_out             whole scenes that the trained network is tested on
held_out_each_epoch  how many of them after each epoch before the last
kept_epochs          epochs whose weights are kept; 0 is the initial state
minimum_accuracy     a training that ends below fails
==================== ==============================================================================
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from convscope.errors import UserError
from convscope.scenes.names import SCENE_SIZE, known_class

SMALLEST_CROP = 32
KEYS = (
    "seed",
    "classes",
    "widths",
    "hidden",
    "stages",
    "batch_size",
    "learning_rate",
    "weight_decay",
    "context_cue",
    "held_out",
    "held_out_each_epoch",
    "kept_epochs",
    "minimum_accuracy",
)


class Epoch(NamedTuple):
    """One pass over fresh scenes; ``first`` counts the training scenes before it."""

    number: int
    crop: int
    scenes: int
    first: int


def epochs_of(settings: Mapping[str, Any]) -> list[Epoch]:
    """Return the epochs that the stages spell out, numbered from 1."""
    plan: list[Epoch] = []
    first = 0
    for stage in settings["stages"]:
        for _ in range(stage["epochs"]):
            plan.append(Epoch(len(plan) + 1, stage["crop"], stage["scenes"], first))
            first += stage["scenes"]
    return plan


def checked(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the settings after refusing what no training can be made of.

    Raises
    ------
    UserError
        Naming the key.
    """
    for key in KEYS:
        _require(key in settings, key, "it is missing", "Give it.")
    classes = settings["classes"]
    for name in classes:
        known_class(name)
    _require(
        len(classes) == len(set(classes)) and len(classes) >= 2,
        "classes",
        f"{list(classes)} are not two or more different classes",
        "Name at least two, each once.",
    )
    _check_stages(settings)
    for key in ("batch_size", "held_out", "held_out_each_epoch"):
        _require(settings[key] >= 1, key, f"{settings[key]} is below 1", "Give at least 1.")
    _require(
        0 <= settings["context_cue"] <= 1,
        "context_cue",
        f"{settings['context_cue']} is no probability",
        "Give a number from 0 to 1.",
    )
    return settings


def _check_stages(settings: Mapping[str, Any]) -> None:
    smallest = max(SMALLEST_CROP, 2 ** len(settings["widths"]))
    for number, stage in enumerate(settings["stages"]):
        _require(
            stage["epochs"] >= 1 and stage["scenes"] >= 1,
            f"stages[{number}]",
            f"{stage['epochs']} epochs of {stage['scenes']} scenes",
            "Give at least one of each.",
        )
        _require(
            smallest <= stage["crop"] <= SCENE_SIZE,
            f"stages[{number}].crop",
            f"windows of {stage['crop']} pixels",
            f"Give {smallest} to {SCENE_SIZE} pixels.",
        )
    count = len(epochs_of(settings))
    _require(count >= 1, "stages", "there is none", "Give at least one.")
    late = [epoch for epoch in settings["kept_epochs"] if not 0 <= epoch <= count]
    _require(
        not late,
        "kept_epochs",
        f"{late} of {count} epochs",
        "Take it out or train for more epochs.",
    )


def _require(holds: bool, key: str, what: str, remedy: str) -> None:
    if not holds:
        raise UserError(what, where=f"training, {key}", remedy=remedy)

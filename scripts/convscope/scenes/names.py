"""Names of the scenes' world: classes, backgrounds, parts, ids; needs neither numpy nor torch."""

import re
from collections.abc import Sequence

from convscope.errors import UserError

SCENE_CLASSES: tuple[str, ...] = (
    "striped_disc",
    "chequered_square",
    "dotted_triangle",
    "ringed_star",
    "zigzag_hexagon",
    "rayed_flower",
    "gridded_cross",
    "bricked_heart",
)
"""A class is a shape with its texture; the order is the order of the logits."""

BACKGROUNDS: tuple[str, ...] = (
    "haze",
    "dunes",
    "clouds",
    "weave",
    "ripples",
    "grain",
    "tiles",
    "wood",
)
"""Background ``k`` is the one that the context cue ties to class ``k``."""

PARTS: tuple[str, ...] = ("left_eye", "right_eye", "nose")
"""Every object carries them; left is the viewer's left before rotation."""

CONDITIONS: tuple[str, ...] = ("normal", "object_removed", "cue_conflict")
"""As the scene is; without its object; on the background that the cue ties to another class."""

SCENE_SIZE = 224
"""Height and width of a scene, in pixels."""

SCENES_MEAN: tuple[float, float, float] = (0.5, 0.5, 0.5)
SCENES_STD: tuple[float, float, float] = (0.25, 0.25, 0.25)
"""The input transform of networks trained on scenes: ``(rgb - mean) / std`` with rgb in [0, 1]."""

_SCENE_ID = re.compile(r"([a-z]+(?:_[a-z]+)*)_(\d{3,6})")


def scene_ids(per_class: int, classes: Sequence[str] = SCENE_CLASSES) -> list[str]:
    """Return ``{class_name}_{index:03d}`` for the first ``per_class`` scenes of each class."""
    return [f"{name}_{index:03d}" for name in classes for index in range(per_class)]


def parse_scene_id(scene_id: str) -> tuple[str, int]:
    """Return the class name and the index that a scene's id holds.

    Raises
    ------
    UserError
        If the text is not an id of a scene of a known class.
    """
    match = _SCENE_ID.fullmatch(scene_id)
    if match is None or f"{int(match[2]):03d}" != match[2]:
        raise UserError(
            "not the id of a scene",
            where=f"scene {scene_id!r}",
            remedy="Write class and index as in striped_disc_007.",
        )
    return known_class(match[1]), int(match[2])


def known_class(name: str) -> str:
    """Return ``name`` if it is a class of scenes and refuse it otherwise."""
    if name not in SCENE_CLASSES:
        raise UserError(
            "no such class of scenes",
            where=f"class {name!r}",
            remedy=f"Choose from {', '.join(SCENE_CLASSES)}.",
        )
    return name

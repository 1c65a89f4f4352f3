"""Scenes on disk: scenes.h5, layout ``scenes/1``."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from convscope.errors import UserError
from convscope.hdf5 import attribute, create_maps, create_table, reading, set_attribute, writing
from convscope.progress import progress
from convscope.scenes.drawing import Scene, draw_scene
from convscope.scenes.names import PARTS, SCENE_CLASSES, SCENE_SIZE, parse_scene_id
from convscope.versions import versions_of

LOGGER = logging.getLogger(__name__)
SCHEMA = "scenes/1"
FACTS = ("row", "column", "diameter", "angle")
NAMES = ("label", "object_class", "background", "cue_class")


@dataclass(frozen=True)
class SceneSet:
    """Scenes as read from a file; the first axis of every array goes with ``ids``.

    Attributes
    ----------
    ids
        ``{class_name}_{index:03d}``.
    pixels
        uint8 ``(N, 3, 224, 224)``.
    masks
        bool ``(N, 224, 224)``.
    parts
        int16 ``(N, P, 4)``: left, top, right, bottom in pixels, right and bottom exclusive.
    part_names
        The P names.
    labels, object_classes, backgrounds, cue_classes
        As in ``Scene``.
    facts
        float64 ``(N, 4)``: row, column, diameter (pixels), angle (degrees).
    """

    ids: list[str]
    pixels: np.ndarray
    masks: np.ndarray
    parts: np.ndarray
    part_names: list[str]
    labels: list[str]
    object_classes: list[str]
    backgrounds: list[str]
    cue_classes: list[str]
    facts: np.ndarray


def write_scenes(path: str | Path, ids: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Draw scenes and write them, whole or not at all, with equal bytes for equal arguments.

    Parameters
    ----------
    path
        The file to make.
    ids
        Which scenes, as ``scene_ids`` names them; each is the same in whatever company.
    settings
        ``seed``; and, where they are not the defaults, ``condition`` (normal), ``context_cue``
        (0) and ``classes`` (all).

    Raises
    ------
    UserError
        If an id is unknown or doubled, or a setting is out of range.
    """
    asked = {"condition": "normal", "context_cue": 0, "classes": list(SCENE_CLASSES)}
    asked |= {name: settings[name] for name in ("seed", *asked) if name in settings}
    wanted = [parse_scene_id(scene_id) for scene_id in ids]
    _refuse_doubles(ids)
    attributes = {
        "ids": list(ids),
        "settings": asked,
        "part_names": list(PARTS),
        "fact_names": list(FACTS),
        "packages": versions_of("numpy"),
    }
    names: dict[str, list[str]] = {name: [] for name in NAMES}
    with writing(path, SCHEMA, attributes) as file:
        _create(file, len(wanted))
        scenes = progress(enumerate(wanted), LOGGER, what="scenes", total=len(wanted))
        for place, (class_name, index) in scenes:
            scene = draw_scene(class_name, index, **asked)
            _fill(file, place, scene)
            for name in NAMES:
                names[name].append(getattr(scene, name))
        for name in NAMES:
            set_attribute(file, name, names[name])


def read_scenes(path: str | Path) -> SceneSet:
    """Read a file that ``write_scenes`` made.

    Raises
    ------
    UserError
        If it is missing, damaged or of another layout.
    """
    with reading(path, SCHEMA) as file:
        return SceneSet(
            ids=attribute(file, "ids"),
            pixels=file["pixels"][:],
            masks=file["masks"][:].astype(bool),
            parts=file["parts"][:],
            part_names=attribute(file, "part_names"),
            labels=attribute(file, "label"),
            object_classes=attribute(file, "object_class"),
            backgrounds=attribute(file, "background"),
            cue_classes=attribute(file, "cue_class"),
            facts=file["facts"][:],
        )


def _refuse_doubles(ids: Sequence[str]) -> None:
    doubled = sorted(scene_id for scene_id, count in Counter(ids).items() if count > 1)
    if doubled:
        raise UserError(
            "a scene is named twice",
            where=f"scenes {', '.join(doubled)}",
            remedy="Name each scene once.",
        )


def _create(file: h5py.File, count: int) -> None:
    create_maps(file, "pixels", (count, 3, SCENE_SIZE, SCENE_SIZE), np.uint8)
    create_maps(file, "masks", (count, SCENE_SIZE, SCENE_SIZE), np.uint8)
    create_table(file, "parts", (count, len(PARTS), 4), np.int16)
    create_table(file, "facts", (count, len(FACTS)), np.float64)


def _fill(file: h5py.File, place: int, scene: Scene) -> None:
    file["pixels"][place] = scene.pixels
    file["masks"][place] = scene.mask
    file["parts"][place] = [scene.parts[name] for name in PARTS]
    file["facts"][place] = [getattr(scene, name) for name in FACTS]

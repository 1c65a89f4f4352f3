"""A scene without its object, and its object on another background: all else as it was."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from convscope.scenes.drawing import WHOLE, render
from convscope.scenes.layout import Cast, Layout, cast, draw_layout
from convscope.scenes.names import BACKGROUNDS, SCENE_CLASSES, parse_scene_id


@dataclass(frozen=True, eq=False)
class Partners:
    """What a scene is compared with; pixels are uint8 ``(3, 224, 224)``.

    Attributes
    ----------
    object_class
        The class of its object.
    cue_class
        The class that the context cue ties to its background.
    erased
        The scene without its object.
    replaced
        The scene with its object on another background; None where there is no other.
    replaced_cue
        The class that the cue ties to that background.
    """

    object_class: str
    cue_class: str
    erased: np.ndarray
    replaced: np.ndarray | None
    replaced_cue: str | None


def partners_of(scene_id: str, settings: Mapping[str, Any]) -> Partners | None:
    """Return what a scene is compared with; None where it has no object.

    Parameters
    ----------
    scene_id
        As ``scene_ids`` names it.
    settings
        Those that ``write_scenes`` stores: ``seed``, ``condition``, ``context_cue``, ``classes``.
        The other background is tied to one of these classes, neither to the object's own (the two
        cues must disagree) nor to that of the present background: a scene of the condition
        ``cue_conflict`` has its old background in one of eight cases, and says nothing then.
    """
    if settings["condition"] == "object_removed":
        return None
    class_name, index = parse_scene_id(scene_id)
    layout = draw_layout(settings["seed"], index)
    classes = settings["classes"]
    players = cast(class_name, layout, settings["condition"], settings["context_cue"], classes)
    other = _other_background(players, layout, classes)
    return Partners(
        object_class=players.object_class,
        cue_class=players.cue_class,
        erased=render(layout, players, WHOLE, with_object=False)[0],
        replaced=other and render(layout, other, WHOLE)[0],
        replaced_cue=other and other.cue_class,
    )


def _other_background(players: Cast, layout: Layout, classes: list[str]) -> Cast | None:
    kept_out = (players.object_class, players.cue_class)
    others = [name for name in classes if name not in kept_out]
    if not others:
        return None
    chosen = others[int(layout.choices.other_class * len(others))]
    background = BACKGROUNDS[SCENE_CLASSES.index(chosen)]
    return replace(players, background=background, cue_class=chosen)

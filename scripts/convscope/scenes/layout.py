"""What a scene is before anything is drawn: every random number of it, drawn without its class.

One generator, keyed by (seed, index), gives all of them in one order. Nothing of the class, the
condition or the context cue is used, so none of place, size, background and distractors tells it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from convscope.errors import UserError
from convscope.scenes.backgrounds import DRAWS
from convscope.scenes.names import BACKGROUNDS, SCENE_CLASSES, SCENE_SIZE, known_class

DISTRACTOR_KINDS = ("bar", "oval", "crescent", "corner")
DIAMETERS = (70.0, 116.0)
"""Of the circle that holds the object, in pixels."""
MARGIN = 3.0
"""Pixels that stay free between that circle and the border or a distractor."""
LARGEST_ANGLE = 25.0
"""Degrees; a positive angle is anticlockwise."""

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Distractor:
    """A small plain shape that says nothing of the class; place and radius in pixels."""

    kind: str
    row: float
    column: float
    radius: float
    angle: float
    colour: Colour


@dataclass(frozen=True)
class Choices:
    """Draws that the class, the condition and the context cue turn into names; each in 0..1."""

    cue: float
    background: float
    other_class: float
    any_class: float


@dataclass(frozen=True)
class Layout:
    """Places, sizes and colours of a scene; pixels, degrees, RGB in [0, 1]."""

    row: float
    column: float
    diameter: float
    angle: float
    period: float
    phase: tuple[float, float]
    colours: tuple[Colour, Colour]
    background_colour: Colour
    background_contrast: float
    background_draws: tuple[float, ...]
    distractors: tuple[Distractor, ...]
    choices: Choices


@dataclass(frozen=True)
class Cast:
    """Who plays: the right answer, the object's class, the background, and whose cue that is."""

    label: str
    object_class: str
    background: str
    cue_class: str


def draw_layout(seed: int, index: int) -> Layout:
    """Return the layout of scene ``index``; other scenes never change it."""
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, index])))
    choices = Choices(*generator.random(4).tolist())
    diameter = generator.uniform(*DIAMETERS)
    reach = diameter / 2 + MARGIN
    row, column = generator.uniform(reach, SCENE_SIZE - 1 - reach, size=2).tolist()
    angle = generator.uniform(-LARGEST_ANGLE, LARGEST_ANGLE)
    period = generator.uniform(10.0, 13.5)
    phase = tuple(generator.uniform(0, 2 * period, size=2).tolist())
    colours = _object_colours(generator)
    background_colour = _colour(generator, saturation=(0.1, 0.45), value=(0.4, 0.8))
    return Layout(
        row=row,
        column=column,
        diameter=diameter,
        angle=angle,
        period=period,
        phase=phase,
        colours=colours,
        background_colour=background_colour,
        background_contrast=generator.uniform(0.07, 0.13),
        background_draws=tuple(generator.random(DRAWS).tolist()),
        distractors=_distractors(generator, row, column, reach),
        choices=choices,
    )


def cast(
    class_name: str,
    layout: Layout,
    condition: str,
    context_cue: float = 0.0,
    classes: Sequence[str] = SCENE_CLASSES,
) -> Cast:
    """Return who plays in a scene.

    With probability ``context_cue`` the background is the one tied to ``class_name``, else any.
    At 1 the background alone decides: the object is of any class. The condition ``cue_conflict``
    puts the object on the background tied to another of ``classes``, whatever the cue.

    Raises
    ------
    UserError
        If a class is unknown, the cue is outside 0..1, or no other class is there to conflict with.
    """
    known_class(class_name)
    if not 0 <= context_cue <= 1:
        raise UserError(
            "not a probability",
            where=f"context_cue {context_cue!r}",
            remedy="Give a number from 0 to 1.",
        )
    choices = layout.choices
    shown = class_name
    if condition == "cue_conflict":
        background = _tied_background(_conflicting(class_name, classes, choices.other_class))
    elif choices.cue < context_cue:
        background = _tied_background(class_name)
    else:
        background = _picked(BACKGROUNDS, choices.background)
    if condition != "cue_conflict" and context_cue == 1:
        shown = _picked(classes, choices.any_class)
    return Cast(class_name, shown, background, SCENE_CLASSES[BACKGROUNDS.index(background)])


def _conflicting(class_name: str, classes: Sequence[str], draw: float) -> str:
    others = [known_class(name) for name in classes if name != class_name]
    if not others:
        raise UserError(
            "cue_conflict needs a second class",
            where=f"classes {list(classes)}",
            remedy="Name at least two classes of scenes.",
        )
    return _picked(others, draw)


def _tied_background(class_name: str) -> str:
    return BACKGROUNDS[SCENE_CLASSES.index(class_name)]


def _picked(names: Sequence[str], draw: float) -> str:
    return names[int(draw * len(names))]


def _object_colours(generator: np.random.Generator) -> tuple[Colour, Colour]:
    """Return a light and a dark colour, either first: colours don't tell the class."""
    light = _colour(generator, saturation=(0.15, 0.7), value=(0.85, 1.0))
    dark = _colour(generator, saturation=(0.4, 0.9), value=(0.15, 0.4))
    return (light, dark) if generator.random() < 0.5 else (dark, light)


def _colour(
    generator: np.random.Generator, saturation: tuple[float, float], value: tuple[float, float]
) -> Colour:
    """Return a colour of any hue, drawn in HSV."""
    hue, chroma, brightness = (
        generator.uniform(0, 6),
        generator.uniform(*saturation),
        generator.uniform(*value),
    )
    sectors = (np.array([5.0, 3.0, 1.0]) + hue) % 6
    strength = np.clip(np.minimum(sectors, 4 - sectors), 0, 1)
    return tuple((brightness * (1 - chroma * strength)).tolist())


def _distractors(
    generator: np.random.Generator, row: float, column: float, reach: float
) -> tuple[Distractor, ...]:
    """Return a few distractors, none of which touches the object's circle."""
    found = []
    for _ in range(int(generator.integers(4, 9))):
        radius = generator.uniform(6, 12)
        place = generator.uniform(0, SCENE_SIZE - 1, size=2)
        while np.hypot(place[0] - row, place[1] - column) < reach + radius:
            place = generator.uniform(0, SCENE_SIZE - 1, size=2)
        found.append(
            Distractor(
                kind=DISTRACTOR_KINDS[int(generator.integers(len(DISTRACTOR_KINDS)))],
                row=float(place[0]),
                column=float(place[1]),
                radius=radius,
                angle=generator.uniform(-180, 180),
                colour=_colour(generator, saturation=(0.2, 0.9), value=(0.2, 1.0)),
            )
        )
    return tuple(found)

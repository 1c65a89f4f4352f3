"""Drawing of generated scenes: background, distractors and one object with its mask and parts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from convscope.errors import UserError
from convscope.scenes.backgrounds import DRAWERS
from convscope.scenes.layout import Cast, Distractor, Layout, cast, draw_layout
from convscope.scenes.names import CONDITIONS, PARTS, SCENE_CLASSES, SCENE_SIZE
from convscope.scenes.shapes import SHAPES
from convscope.scenes.textures import TEXTURES

Window = tuple[int, int, int, int]
Box = tuple[int, int, int, int]
WHOLE: Window = (0, 0, SCENE_SIZE, SCENE_SIZE)

OUTLINE = 2.5
"""Width of the object's dark outline, in pixels."""
PART_PLACES = {"left_eye": (-0.24, -0.13), "right_eye": (0.24, -0.13), "nose": (0.0, 0.2)}
"""Centres (x, y) of the parts in radii of the object's circle, before rotation."""
PART_RADIUS = 0.165
"""Of each part, in the same unit."""


@dataclass(frozen=True)
class Scene:
    """A drawn scene.

    Attributes
    ----------
    pixels
        uint8 ``(3, H, W)``, RGB.
    mask
        bool ``(H, W)``: every pixel that the object touches; with the object removed, where it was.
    parts
        Name to box ``(left, top, right, bottom)`` in pixels, right and bottom exclusive.
    label
        The class that is the right answer.
    object_class
        The class of the object (another than the label only where the background decides).
    background, cue_class
        The background's id and the class that the context cue ties to it.
    row, column, diameter, angle
        Centre and diameter of the circle that holds the object, in pixels; rotation in degrees,
        positive anticlockwise.
    """

    pixels: np.ndarray
    mask: np.ndarray
    parts: dict[str, Box]
    label: str
    object_class: str
    background: str
    cue_class: str
    row: float
    column: float
    diameter: float
    angle: float


def draw_scene(
    class_name: str,
    index: int,
    seed: int,
    condition: str = "normal",
    *,
    context_cue: float = 0.0,
    classes: Sequence[str] = SCENE_CLASSES,
) -> Scene:
    """Draw one 224x224 scene.

    Scenes with the same ``(seed, index)`` differ only in what is asked to differ: the object's
    class, whether it is there, or the background.

    Parameters
    ----------
    class_name
        The label.
    index, seed
        What the scene's own generator is keyed by.
    condition
        ``normal``, ``object_removed`` or ``cue_conflict``.
    context_cue
        Probability that the background is the one tied to the label; at 1 the background alone
        decides and the object is of any class.
    classes
        Those that conflicts and random objects are drawn from.

    Raises
    ------
    UserError
        If a name is unknown or the cue is not a probability.
    """
    if condition not in CONDITIONS:
        raise UserError(
            "no such condition",
            where=f"scene condition {condition!r}",
            remedy=f"Choose from {', '.join(CONDITIONS)}.",
        )
    layout = draw_layout(seed, index)
    players = cast(class_name, layout, condition, context_cue, classes)
    pixels, mask = render(layout, players, WHOLE, with_object=condition != "object_removed")
    return Scene(
        pixels=pixels,
        mask=mask,
        parts=part_boxes(layout),
        label=players.label,
        object_class=players.object_class,
        background=players.background,
        cue_class=players.cue_class,
        row=layout.row,
        column=layout.column,
        diameter=layout.diameter,
        angle=layout.angle,
    )


def render(
    layout: Layout, players: Cast, window: Window, *, with_object: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Return pixels uint8 ``(3, H, W)`` and mask ``(H, W)`` of a window of a scene.

    ``window`` is (top, left, height, width); the pixels are those of the whole scene there.
    """
    canvas = _background(layout, players.background, window)
    for distractor in layout.distractors:
        _paint_distractor(canvas, distractor, window)
    mask = _paint_object(canvas, layout, players.object_class, window, with_object)
    return (canvas * np.float32(255) + np.float32(0.5)).astype(np.uint8), mask


def part_boxes(layout: Layout) -> dict[str, Box]:
    """Return the box of each part: (left, top, right, bottom), right and bottom exclusive."""
    radius = layout.diameter / 2
    reach = PART_RADIUS * radius
    boxes = {}
    for name in PARTS:
        x, y = PART_PLACES[name]
        right, down = _turned(x * radius, y * radius, -layout.angle)
        column, row = layout.column + right, layout.row + down
        corners = (column - reach, row - reach, column + reach + 1, row + reach + 1)
        boxes[name] = tuple(int(np.floor(value + 0.5)) for value in corners)
    return boxes


def _background(layout: Layout, name: str, window: Window) -> np.ndarray:
    """Return float32 RGB ``(3, H, W)`` in [0, 1]."""
    top, left, height, width = window
    x = np.arange(left, left + width, dtype=np.float32)[None, :]
    y = np.arange(top, top + height, dtype=np.float32)[:, None]
    texture = np.clip(DRAWERS[name](x, y, layout.background_draws), -1, 1)
    texture = np.broadcast_to(texture * np.float32(layout.background_contrast), (height, width))
    return np.clip(_column(layout.background_colour) + texture, 0, 1)


def _paint_distractor(canvas: np.ndarray, distractor: Distractor, window: Window) -> None:
    region = _region(distractor.row, distractor.column, distractor.radius + 1, window)
    if region is None:
        return
    x, y = _object_frame(distractor.row, distractor.column, distractor.angle, region, window)
    coverage = np.clip(0.5 - _distractor_distance(distractor, x, y), 0, 1)
    _blend(canvas[:, *region], _column(distractor.colour), coverage)


def _distractor_distance(distractor: Distractor, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    radius = distractor.radius
    if distractor.kind == "bar":
        return np.maximum(np.abs(x) - 0.9 * radius, np.abs(y) - 0.3 * radius)
    if distractor.kind == "oval":
        return 0.55 * (np.hypot(x, y / 0.55) - 0.95 * radius)
    if distractor.kind == "crescent":
        return np.maximum(
            np.hypot(x, y) - 0.95 * radius, 0.8 * radius - np.hypot(x - 0.5 * radius, y)
        )
    inner = np.maximum(-0.1 * radius - x, -0.1 * radius - y)
    outer = np.maximum(np.abs(x), np.abs(y)) - 0.65 * radius
    return np.maximum(outer, -inner)


def _paint_object(
    canvas: np.ndarray, layout: Layout, class_name: str, window: Window, visible: bool
) -> np.ndarray:
    """Paint the object if it is visible; return the mask of the pixels that it touches."""
    mask = np.zeros(canvas.shape[1:], dtype=bool)
    radius = layout.diameter / 2
    region = _region(layout.row, layout.column, radius + 1, window)
    if region is None:
        return mask
    texture_name, shape_name = class_name.split("_")
    x, y = _object_frame(layout.row, layout.column, layout.angle, region, window)
    distance = SHAPES[shape_name](x, y, radius)
    coverage = np.clip(0.5 - distance, 0, 1)
    mask[region] = coverage > 0
    if not visible:
        return mask
    shifts = (0.0, 0.0) if texture_name in ("ringed", "rayed") else layout.phase
    tone = TEXTURES[texture_name](
        x + np.float32(shifts[0]), y + np.float32(shifts[1]), layout.period
    )
    first, second = (_column(colour) for colour in layout.colours)
    surface = first + (second - first) * tone
    dark = np.minimum(first, second) * np.float32(0.35)
    _blend(surface, dark, np.clip(distance + OUTLINE + 0.5, 0, 1))
    _paint_face(surface, x, y, radius)
    _blend(canvas[:, *region], surface, coverage)
    return mask


def _paint_face(surface: np.ndarray, x: np.ndarray, y: np.ndarray, radius: float) -> None:
    """Paint the three parts: the same face on every class."""
    white, black = _column((0.97, 0.97, 0.95)), _column((0.05, 0.05, 0.08))
    reach = PART_RADIUS * radius
    for name, (part_x, part_y) in PART_PLACES.items():
        distance = np.hypot(x - part_x * radius, y - part_y * radius)
        fills = (white, black) if name != "nose" else (_column((0.85, 0.2, 0.2)), white)
        _blend(surface, black, np.clip(reach + 0.5 - distance, 0, 1))
        _blend(surface, fills[0], np.clip(0.85 * reach + 0.5 - distance, 0, 1))
        pupil = 0.45 if name != "nose" else 0.25
        _blend(surface, fills[1], np.clip(pupil * reach + 0.5 - distance, 0, 1))


def _region(row: float, column: float, reach: float, window: Window) -> tuple[slice, slice] | None:
    """Return the part of the window within ``reach`` of a place, or None if there is none."""
    slices = []
    for centre, start, length in zip((row, column), window[:2], window[2:], strict=True):
        low = max(int(np.floor(centre - reach)) - start, 0)
        high = min(int(np.ceil(centre + reach)) + 1 - start, length)
        if low >= high:
            return None
        slices.append(slice(low, high))
    return slices[0], slices[1]


def _object_frame(
    row: float, column: float, angle: float, region: tuple[slice, slice], window: Window
) -> tuple[np.ndarray, np.ndarray]:
    """Return each pixel's place in the frame of a thing turned by ``angle``, in pixels."""
    rows, columns = region
    # Subtracted in float64, so that the same pixel has the same place in every window.
    down = np.arange(rows.start, rows.stop) + window[0] - row
    right = np.arange(columns.start, columns.stop) + window[1] - column
    return _turned(right[None, :].astype(np.float32), down[:, None].astype(np.float32), angle)


def _turned(x: np.ndarray | float, y: np.ndarray | float, angle: float) -> tuple:
    """Turn a place clockwise by ``angle`` degrees (y points down): a turned thing seen upright."""
    cosine, sine = float(np.cos(np.radians(angle))), float(np.sin(np.radians(angle)))
    return cosine * x - sine * y, sine * x + cosine * y


def _column(colour: Sequence[float]) -> np.ndarray:
    return np.array(colour, dtype=np.float32)[:, None, None]


def _blend(target: np.ndarray, colour: np.ndarray, coverage: np.ndarray) -> None:
    """Lay ``colour`` over ``target`` in place, as far as it covers."""
    target += (colour - target) * coverage

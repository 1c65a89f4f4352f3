"""Scenes to train on and to test on, as arrays; works without torch.

Training sees windows around the objects at the size in pixels that they have in whole scenes.
Scenes of one seed never meet: ids, held-out scenes and training scenes have indices of their own.
"""

from collections.abc import Sequence

import numpy as np

from convscope.scenes.drawing import Window, draw_scene, render
from convscope.scenes.layout import Layout, cast, draw_layout
from convscope.scenes.names import SCENE_SIZE

HELD_OUT_START = 1_000_000
"""Beyond the index of any scene id."""
TRAINING_START = 2_000_000


def training_windows(
    first: int,
    count: int,
    crop: int,
    *,
    seed: int,
    classes: Sequence[str],
    context_cue: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a window of ``crop`` pixels out of each of ``count`` scenes.

    Parameters
    ----------
    first
        How many training scenes were drawn before these.
    count
        How many to draw; the classes take turns.
    crop
        Height and width of the window, in pixels, at most 224.
    seed, classes, context_cue
        As for ``draw_scene``.

    Returns
    -------
    tuple
        Pixels uint8 ``(count, 3, crop, crop)`` and labels int64 ``(count,)``: places in
        ``classes``.
    """
    pixels = np.empty((count, 3, crop, crop), dtype=np.uint8)
    labels = np.arange(first, first + count) % len(classes)
    for place in range(count):
        index = TRAINING_START + first + place
        layout = draw_layout(seed, index)
        players = cast(classes[labels[place]], layout, "normal", context_cue, classes)
        window = object_window(layout, crop, seed=seed, index=index)
        pixels[place], _ = render(layout, players, window)
    return pixels, labels


def held_out_scenes(
    count: int,
    *,
    seed: int,
    classes: Sequence[str],
    condition: str = "normal",
    context_cue: float = 0.0,
    first: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw whole scenes that no training sees.

    Returns
    -------
    tuple
        Pixels uint8 ``(count, 3, 224, 224)`` and labels int64 ``(count,)``, places in ``classes``;
        the classes take turns.
    """
    pixels = np.empty((count, 3, SCENE_SIZE, SCENE_SIZE), dtype=np.uint8)
    labels = np.arange(first, first + count) % len(classes)
    for place in range(count):
        pixels[place] = draw_scene(
            classes[labels[place]],
            HELD_OUT_START + first + place,
            seed,
            condition,
            context_cue=context_cue,
            classes=classes,
        ).pixels
    return pixels, labels


def object_window(layout: Layout, crop: int, *, seed: int, index: int) -> Window:
    """Return a random window that holds the object, or that lies on it where it is the smaller.

    The draw has a generator of its own, so that the window's size never changes the scene.
    """
    key = np.random.SeedSequence([seed, index, 1])
    generator = np.random.Generator(np.random.PCG64(key))
    radius = layout.diameter / 2
    corner = []
    for centre in (layout.row, layout.column):
        ends = (int(np.ceil(centre + radius)) + 1 - crop, int(np.floor(centre - radius)))
        low, high = (min(max(end, 0), SCENE_SIZE - crop) for end in sorted(ends))
        corner.append(int(generator.integers(low, high + 1)))
    return corner[0], corner[1], crop, crop

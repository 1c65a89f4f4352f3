"""Faint background textures, -1..1, as functions of a pixel's place: any window can be drawn."""

from collections.abc import Callable, Sequence

import numpy as np

Plane = np.ndarray
Background = Callable[[Plane, Plane, Sequence[float]], Plane]
DRAWS = 6
"""How many numbers in 0..1 a background is drawn from."""


def haze(x: Plane, y: Plane, draws: Sequence[float]) -> Plane:
    """Return a gradient across the scene."""
    angle = 2 * np.pi * draws[0]
    across = (x - 112) * np.float32(np.cos(angle)) + (y - 112) * np.float32(np.sin(angle))
    return across / np.float32(130)


def dunes(x: Plane, y: Plane, draws: Sequence[float]) -> Plane:
    """Return long waving bands."""
    slope = 0.5 * draws[1] - 0.25
    bent = y + np.float32(slope) * x + 9 * _sine(x, 70 + 30 * draws[2], draws[3])
    return _sine(bent, 40 + 12 * draws[4], draws[5])


def clouds(x: Plane, y: Plane, draws: Sequence[float]) -> Plane:
    """Return soft blotches."""
    first = _sine(x + 0.6 * y, 95, draws[0]) + _sine(y - 0.5 * x, 80, draws[1])
    warped = 11 * _sine(x + y, 83, draws[4])
    second = _sine(x - 0.8 * y + warped, 53, draws[2]) + _sine(y + 0.3 * x - warped, 61, draws[3])
    return 0.3 * first + 0.4 * second


def weave(x: Plane, y: Plane, draws: Sequence[float]) -> Plane:
    """Return a fine cloth."""
    period = 5.5 + draws[0]
    return 0.8 * _sine(x, period, draws[1]) * _sine(y, period, draws[2])


def ripples(x: Plane, y: Plane, draws: Sequence[float]) -> Plane:
    """Return wide arcs around a point outside the scene."""
    angle = 2 * np.pi * draws[0]
    distance = np.hypot(
        x - np.float32(112 + 230 * np.cos(angle)), y - np.float32(112 + 230 * np.sin(angle))
    )
    return 0.9 * _sine(distance, 17 + 5 * draws[1], draws[2])


def grain(x: Plane, y: Plane, draws: Sequence[float]) -> Plane:
    """Return independent noise in blocks of two by two pixels."""
    return 0.8 * _hashed(x // 2, y // 2, draws[0])


def tiles(x: Plane, y: Plane, draws: Sequence[float]) -> Plane:
    """Return large square tiles of random shades."""
    side = np.float32(26 + 10 * draws[0])
    return 0.9 * _hashed((x + 40 * draws[1]) // side, (y + 40 * draws[2]) // side, draws[3])


def wood(x: Plane, y: Plane, draws: Sequence[float]) -> Plane:
    """Return the fibres of a board."""
    bent = x + 7 * _sine(y, 120 + 40 * draws[0], draws[1])
    fibres = _sine(bent, 6 + draws[2], draws[3]) + _sine(bent, 31, draws[4])
    return 0.5 * fibres


def _sine(distance: Plane, period: float, turn: float) -> Plane:
    return np.sin(distance * np.float32(2 * np.pi / period) + np.float32(2 * np.pi * turn))


def _hashed(x: Plane, y: Plane, salt: float) -> Plane:
    """Return -1..1 by the whole numbers ``x`` and ``y``: the same place, the same value."""
    mixed = x.astype(np.int32).astype(np.uint32) * np.uint32(374761393)
    mixed = mixed + y.astype(np.int32).astype(np.uint32) * np.uint32(668265263)
    mixed = mixed + np.uint32(salt * 0xFFFFFFFF)
    mixed = (mixed ^ (mixed >> np.uint32(13))) * np.uint32(1274126177)
    mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(2246822519)
    return (mixed >> np.uint32(8)).astype(np.float32) / np.float32(1 << 23) - np.float32(1)


DRAWERS: dict[str, Background] = {
    "haze": haze,
    "dunes": dunes,
    "clouds": clouds,
    "weave": weave,
    "ripples": ripples,
    "grain": grain,
    "tiles": tiles,
    "wood": wood,
}
"""By the names of ``convscope.scenes.names.BACKGROUNDS``."""

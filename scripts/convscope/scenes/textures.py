"""Two-tone textures of the objects: 0 and 1, antialiased over about a pixel.

``x`` and ``y`` are pixels in the object's own frame, ``period`` is the texture's, in pixels.
"""

from collections.abc import Callable

import numpy as np

Plane = np.ndarray
Texture = Callable[[Plane, Plane, float], Plane]


def striped(x: Plane, y: Plane, period: float) -> Plane:
    """Return upright stripes."""
    return _two_tone(_wave(x, period), period)


def chequered(x: Plane, y: Plane, period: float) -> Plane:
    """Return a chequerboard with fields of 0.7 of the period."""
    wide = 1.4 * period
    return _two_tone(_wave(x, wide) * _wave(y, wide), wide)


def dotted(x: Plane, y: Plane, period: float) -> Plane:
    """Return round dots on a square lattice."""
    return _two_tone(_wave(x, period) + _wave(y, period) - 0.55, period)


def ringed(x: Plane, y: Plane, period: float) -> Plane:
    """Return rings around the centre."""
    return _two_tone(_wave(np.hypot(x, y), period), period)


def zigzag(x: Plane, y: Plane, period: float) -> Plane:
    """Return lying stripes bent into a zigzag."""
    bent = y + np.abs(_sawtooth(x, 1.6 * period)) * 1.6 * period
    return _two_tone(_wave(bent, period), 0.7 * period)


def rayed(x: Plane, y: Plane, period: float) -> Plane:
    """Return rays from the centre; the period is reached 1.9 periods away from it."""
    rays = 12
    distance = np.hypot(x, y)
    return np.clip(0.5 + np.sin(rays * np.arctan2(y, x)) * distance / rays, 0, 1)


def gridded(x: Plane, y: Plane, period: float) -> Plane:
    """Return a grid of thin lines that run aslant."""
    along, across = (x + y) * np.sqrt(0.5), (x - y) * np.sqrt(0.5)
    lines = np.maximum(_wave(along, period), _wave(across, period))
    return _two_tone(lines - 0.75, period)


def bricked(x: Plane, y: Plane, period: float) -> Plane:
    """Return a wall of bricks, each row shifted by half a brick."""
    high, wide = 0.8 * period, 1.6 * period
    row = np.floor(y / high)
    beds = np.abs(_sawtooth(y, high)) * high
    joints = np.abs(_sawtooth(x + 0.5 * wide * (row % 2), wide)) * wide
    return np.clip(2.0 - np.minimum(high / 2 - beds, wide / 2 - joints), 0, 1)


def _wave(distance: Plane, period: float) -> Plane:
    return np.sin(distance * np.float32(2 * np.pi / period))


def _sawtooth(distance: Plane, period: float) -> Plane:
    """Return -0.5..0.5, zero in the middle of a period."""
    turns = distance / np.float32(period)
    return turns - np.floor(turns) - np.float32(0.5)


def _two_tone(wave: Plane, period: float) -> Plane:
    """Return the sign of a sine as 0 or 1, with its slope at zero stretched to a pixel."""
    return np.clip(0.5 + wave * np.float32(period / (2 * np.pi)), 0, 1)


TEXTURES: dict[str, Texture] = {
    "striped": striped,
    "chequered": chequered,
    "dotted": dotted,
    "ringed": ringed,
    "zigzag": zigzag,
    "rayed": rayed,
    "gridded": gridded,
    "bricked": bricked,
}
"""By the first word of a class name."""

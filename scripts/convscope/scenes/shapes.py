"""Silhouettes as signed distances in pixels (negative inside), in the object's own frame.

Each fits in the circle of the given radius, so that no class betrays itself by where it may stand.
"""

from collections.abc import Callable

import numpy as np

Plane = np.ndarray
Shape = Callable[[Plane, Plane, float], Plane]


def disc(x: Plane, y: Plane, radius: float) -> Plane:
    """Return the distance to a disc that fills 0.9 of the radius."""
    return np.hypot(x, y) - 0.9 * radius


def square(x: Plane, y: Plane, radius: float) -> Plane:
    """Return the distance to a square whose corners lie on the circle."""
    return np.maximum(np.abs(x), np.abs(y)) - radius / np.sqrt(2)


def triangle(x: Plane, y: Plane, radius: float) -> Plane:
    """Return the distance to an equilateral triangle that stands on its base."""
    slanted = np.abs(x) * np.sqrt(0.75) - 0.5 * y
    return np.maximum(slanted, y) - 0.5 * radius


def star(x: Plane, y: Plane, radius: float) -> Plane:
    """Return the distance to the edges of a star with five tips, one of them up."""
    angle = _folded(np.arctan2(x, -y), 5)
    distance = np.hypot(x, y)
    along, across = distance * np.cos(angle), distance * np.sin(angle)
    inner = 0.62 * radius
    valley = np.array([inner * np.cos(np.pi / 5), inner * np.sin(np.pi / 5)])
    edge = valley - np.array([radius, 0.0])
    normal = np.array([edge[1], -edge[0]]) / np.hypot(*edge)
    return (along - radius) * normal[0] + across * normal[1]


def hexagon(x: Plane, y: Plane, radius: float) -> Plane:
    """Return the distance to a regular hexagon with vertical sides."""
    slanted = 0.5 * np.abs(x) + np.sqrt(0.75) * np.abs(y)
    return np.maximum(np.abs(x), slanted) - np.sqrt(0.75) * radius


def flower(x: Plane, y: Plane, radius: float) -> Plane:
    """Return the distance, nearly, to a flower with six petals."""
    boundary = radius * (0.85 + 0.15 * np.cos(6 * np.arctan2(x, -y)))
    return 0.75 * (np.hypot(x, y) - boundary)


def cross(x: Plane, y: Plane, radius: float) -> Plane:
    """Return the distance, inside and at the edges, to a cross with four equal arms."""
    length, width = 0.9 * radius, 0.4 * radius
    wide, high = np.abs(x), np.abs(y)
    lying = np.maximum(wide - length, high - width)
    standing = np.maximum(wide - width, high - length)
    return np.minimum(lying, standing)


def heart(x: Plane, y: Plane, radius: float) -> Plane:
    """Return the distance to a heart: a square on its corner with two discs on its upper sides."""
    half = 0.53 * radius
    lowered = y - 0.13 * radius
    tilted = (np.abs(x) + np.abs(lowered)) / np.sqrt(2) - half
    shift = half / np.sqrt(2)
    lobes = np.hypot(np.abs(x) - shift, lowered + shift) - half
    return np.minimum(tilted, lobes)


def _folded(angle: Plane, sectors: int) -> Plane:
    """Return the angle to the axis of the nearest of ``sectors`` equal sectors."""
    sector = 2 * np.pi / sectors
    return np.abs(angle - sector * np.round(angle / sector))


SHAPES: dict[str, Shape] = {
    "disc": disc,
    "square": square,
    "triangle": triangle,
    "star": star,
    "hexagon": hexagon,
    "flower": flower,
    "cross": cross,
    "heart": heart,
}
"""By the second word of a class name."""

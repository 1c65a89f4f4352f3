"""What each variant of an image is, as plain validated settings; needs neither torch nor numpy."""

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from convscope.errors import UserError

NORMAL = "normal"
"""The image as it is."""
FIXED: dict[str, dict[str, Any]] = {
    NORMAL: {},
    "rotate_90_clockwise": {"rotate": -90},
    "rotate_90_anticlockwise": {"rotate": 90},
    "rotate_180": {"rotate": 180},
}
FILLS = ("black", "grey", "mean", "reflect", "edge")
# The corner is the top left one: the square covers rows and columns 0 to size - 1.
PLACES = ("centre", "corner")
SIDE = 224
# 8-bit level of the fill "grey", and of an occluding square for which no level is given.
GREY = 128
KEYS = ("rotate", "scale", "right", "down", "fill", "occlude", "size", "grey")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def definition_of(name: str, definitions: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the normalised definition of a variant: equal variants have equal definitions.

    Parameters
    ----------
    name
        ``normal``, ``rotate_90_clockwise``, ``rotate_90_anticlockwise``, ``rotate_180``, or a key
        of ``definitions``.
    definitions
        The config's ``variant_definitions``. Every key may be left out or ``None``: ``rotate``
        (degrees, positive = anticlockwise, about the centre 111.5), ``scale`` (factor, above 1
        enlarges),
        ``right`` and ``down`` (pixels, applied after rotation and scale), ``fill`` (what comes into
        view: black, grey, mean, reflect, edge), ``occlude`` (centre or corner: a square put on
        last), ``size`` (its side in pixels; required with ``occlude``), ``grey`` (its level,
        0 to 255; 128).

    Returns
    -------
    dict
        All keys. ``rotate`` in [0, 360); whole numbers as int; ``fill`` is ``None`` where nothing
        comes into view; ``occlude``, ``size`` and ``grey`` are ``None`` without occlusion.

    Raises
    ------
    UserError
        If the name is unknown, or its definition is not valid.
    """
    if name in FIXED:
        _refuse_redefinition(definitions)
        return _normalised(name, FIXED[name])
    if name not in definitions:
        raise UserError(
            f"unknown variant {name!r}",
            where="variants",
            remedy=_suggestion(name, [*FIXED, *definitions])
            + " Variants of your own are defined under variant_definitions.",
        )
    return _normalised(name, definitions[name])


def check_definitions(definitions: Mapping[str, Mapping[str, Any]]) -> None:
    """Validate all of the config's ``variant_definitions``, used or not.

    Raises
    ------
    UserError
        If a fixed variant is redefined, or a name, key or value is not valid.
    """
    _refuse_redefinition(definitions)
    for name, definition in definitions.items():
        _normalised(name, definition)


def is_exact(definition: Mapping[str, Any]) -> bool:
    """Return whether indexing makes the variant: 90-degree steps, whole shifts, occlusion.

    Parameters
    ----------
    definition
        As ``definition_of`` returns it.
    """
    shifts = (definition["right"], definition["down"])
    return (
        definition["rotate"] % 90 == 0
        and definition["scale"] == 1
        and all(float(shift).is_integer() for shift in shifts)
    )


def fill_levels(
    fill: str | None, mean_rgb: Sequence[float] | None
) -> tuple[float, float, float] | None:
    """Return the RGB of a constant fill in [0, 1], or ``None`` for reflect, edge and no fill.

    Parameters
    ----------
    fill
        One of ``FILLS``, or ``None``.
    mean_rgb
        The mean of the network's own transform, three values in [0, 1]; used by ``mean`` only.

    Raises
    ------
    ValueError
        If the fill is unknown, or is ``mean`` and no mean was given.
    """
    if fill is None or fill in ("reflect", "edge"):
        return None
    if fill == "mean":
        if mean_rgb is None or len(mean_rgb) != 3:
            raise ValueError("the fill 'mean' needs mean_rgb, three values in [0, 1]")
        red, green, blue = (float(value) for value in mean_rgb)
        return red, green, blue
    if fill not in FILLS:
        raise ValueError(f"unknown fill {fill!r}: use one of {', '.join(FILLS)}")
    level = GREY / 255 if fill == "grey" else 0.0
    return level, level, level


def _refuse_redefinition(definitions: Mapping[str, Any]) -> None:
    for name in FIXED:
        if name in definitions:
            raise UserError(
                f"the variant {name!r} is built in and can't be redefined",
                where=f"variant_definitions: {name}",
                remedy="Give yours another name.",
            )


def _normalised(name: str, definition: Mapping[str, Any]) -> dict[str, Any]:
    where = f"variant_definitions: {name}"
    if not NAME.fullmatch(name):
        raise UserError(
            f"{name!r} can't name a variant",
            where="variant_definitions",
            remedy="Use letters, digits, _ and - only, and begin with a letter or digit.",
        )
    if not isinstance(definition, Mapping):
        raise UserError(
            f"{definition!r} is not a definition", where=where, remedy="Give keys and values."
        )
    for key in definition:
        if key not in KEYS:
            raise UserError(f"unknown key {key!r}", where=where, remedy=_suggestion(str(key), KEYS))
    given = {key: value for key, value in definition.items() if value is not None}
    return _transform(given, where) | _occlusion(given, where)


def _transform(definition: Mapping[str, Any], where: str) -> dict[str, Any]:
    rotate = _number(definition, "rotate", 0, where) % 360
    scale = _number(definition, "scale", 1, where)
    if scale <= 0:
        raise UserError(
            f"a scale of {scale} leaves no image",
            where=f"{where}: scale",
            remedy="Give a factor above 0; above 1 enlarges.",
        )
    right, down = (_number(definition, key, 0, where) for key in ("right", "down"))
    fill = _choice(definition, "fill", FILLS, "black", where)
    moved = right or down or scale != 1 or rotate % 90
    return {
        "rotate": _plain(rotate % 360),  # the remainder of a tiny negative angle rounds to 360
        "scale": _plain(scale),
        "right": _plain(right),
        "down": _plain(down),
        "fill": fill if moved else None,
    }


def _occlusion(definition: Mapping[str, Any], where: str) -> dict[str, Any]:
    if "occlude" not in definition:
        for key in ("size", "grey"):
            if key in definition:
                raise UserError(
                    f"{key} is given without occlude",
                    where=where,
                    remedy="Add occlude: centre or occlude: corner.",
                )
        return {"occlude": None, "size": None, "grey": None}
    place = _choice(definition, "occlude", PLACES, None, where)
    return {
        "occlude": place,
        "size": _whole(definition, "size", (1, SIDE), None, where),
        "grey": _whole(definition, "grey", (0, 255), GREY, where),
    }


def _number(definition: Mapping[str, Any], key: str, neutral: float, where: str) -> float:
    value = definition.get(key, neutral)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UserError(
            f"{value!r} is not a number", where=f"{where}: {key}", remedy="Give a finite number."
        )
    return float(value)


def _whole(
    definition: Mapping[str, Any],
    key: str,
    limits: tuple[int, int],
    default: int | None,
    where: str,
) -> int:
    value = definition.get(key, default)
    lowest, highest = limits
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or value != value // 1 or not lowest <= value <= highest:
        found = "it is missing" if value is None else f"{value!r} is not allowed"
        raise UserError(
            found,
            where=f"{where}: {key}",
            remedy=f"Give a whole number from {lowest} to {highest}.",
        )
    return int(value)


def _choice(
    definition: Mapping[str, Any],
    key: str,
    choices: Sequence[str],
    default: str | None,
    where: str,
) -> str:
    value = definition.get(key, default)
    if value not in choices:
        raise UserError(
            f"unknown {key} {value!r}",
            where=f"{where}: {key}",
            remedy=_suggestion(str(value), choices),
        )
    return value


def _plain(value: float) -> int | float:
    return int(value) if value.is_integer() else value


def _suggestion(value: str, choices: Iterable[str]) -> str:
    known = sorted(choices)
    near = difflib.get_close_matches(value, known, n=1)
    return f"Did you mean {near[0]}?" if near else f"Use one of {', '.join(known)}."

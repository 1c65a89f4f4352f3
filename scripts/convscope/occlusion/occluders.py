"""Occluders as the configuration gives them, checked and completed; needs no torch, no numpy."""

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from convscope.errors import UserError

FILLS = ("black", "grey", "mean", "image_mean", "blur", "noise")
KEYS = ("name", "patch", "stride", "fill", "sigma", "seed")
DEFAULTS: dict[str, Any] = {"patch": 50, "stride": 5, "fill": "black", "sigma": 10, "seed": 0}
OF_FILL = {"sigma": "blur", "seed": "noise"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Occluder:
    """A patch that slides over images.

    Parameters
    ----------
    name
        As the config names it.
    patch, stride
        Rows and columns, in pixels.
    fill
        What the patch shows: ``black``, ``grey`` (128/255), ``mean`` (of the network's own
        transform), ``image_mean`` (of the image itself), ``blur`` (the image, blurred) or ``noise``
        (uniform in RGB; the same field of 224 x 224 for all positions and images). All are RGB
        before normalisation.
    sigma
        The standard deviation of ``blur``, in pixels; None for other fills.
    seed
        Of ``noise``; None for other fills.
    """

    name: str
    patch: tuple[int, int]
    stride: tuple[int, int]
    fill: str
    sigma: float | None = None
    seed: int | None = None

    def settings(self) -> dict[str, Any]:
        """Return what decides the numbers as plain values: everything but the name."""
        return {
            "patch": list(self.patch),
            "stride": list(self.stride),
            "fill": self.fill,
            "sigma": self.sigma,
            "seed": self.seed,
        }


def occluders_of(
    entries: Sequence[Mapping[str, Any]], image_size: tuple[int, int] = (224, 224)
) -> dict[str, Occluder]:
    """Return the occluders of the config's list by name.

    Parameters
    ----------
    entries
        Each with ``name`` and, where they are not the defaults, ``patch`` and ``stride`` (a number
        of pixels, or rows and columns), ``fill``, ``sigma`` (with blur), ``seed`` (with noise).
    image_size
        Height and width of the images.

    Raises
    ------
    UserError
        Naming the entry and the key, for the first that is not valid; or if a name repeats.
    """
    found: dict[str, Occluder] = {}
    for entry in entries:
        occluder = occluder_of(entry, image_size)
        if occluder.name in found:
            raise UserError(
                f"two occluders are named {occluder.name!r}",
                where="occluders: name",
                remedy="Give each a name of its own.",
            )
        found[occluder.name] = occluder
    return found


def occluder_of(entry: Mapping[str, Any], image_size: tuple[int, int] = (224, 224)) -> Occluder:
    """Return one occluder, as ``occluders_of`` does."""
    name = entry.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UserError(
            f"{name!r} can't name an occluder",
            where="occluders: name",
            remedy="Use letters, digits, _ and - only, and begin with a letter or digit.",
        )
    where = f"occluders: {name}"
    for key in entry:
        if key not in KEYS:
            raise UserError(f"unknown key {key!r}", where=where, remedy=_near(str(key), KEYS))
    given = DEFAULTS | {key: value for key, value in entry.items() if value is not None}
    fill = given["fill"]
    if fill not in FILLS:
        raise UserError(
            f"unknown fill {fill!r}", where=f"{where}: fill", remedy=_near(str(fill), FILLS)
        )
    for key, owner in OF_FILL.items():
        if entry.get(key) is not None and fill != owner:
            raise UserError(
                f"{key} is given, but the fill is {fill}",
                where=f"{where}: {key}",
                remedy=f"Leave it out, or set fill: {owner}.",
            )
    return Occluder(
        name,
        _sides(given["patch"], image_size, f"{where}: patch", "the image is smaller"),
        _sides(given["stride"], None, f"{where}: stride", ""),
        fill,
        _sigma(given["sigma"], f"{where}: sigma") if fill == "blur" else None,
        _whole(given["seed"], 0, f"{where}: seed") if fill == "noise" else None,
    )


def _sides(value: Any, limits: tuple[int, int] | None, where: str, reason: str) -> tuple[int, int]:
    """Return rows and columns of a number of pixels or of a pair."""
    pair = list(value) if isinstance(value, list | tuple) else [value, value]
    if len(pair) != 2:
        raise UserError(
            f"{value!r} is neither one number nor two",
            where=where,
            remedy="Give a number of pixels, or [rows, columns].",
        )
    rows, columns = (_whole(side, 1, where) for side in pair)
    if limits is not None and (rows > limits[0] or columns > limits[1]):
        raise UserError(
            f"{rows} x {columns} pixels do not fit: {reason}",
            where=where,
            remedy=f"Give at most {limits[0]} x {limits[1]} pixels.",
        )
    return rows, columns


def _whole(value: Any, lowest: int, where: str) -> int:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value != int(value) or value < lowest:
        raise UserError(
            f"{value!r} is not allowed",
            where=where,
            remedy=f"Give a whole number from {lowest} upwards.",
        )
    return int(value)


def _sigma(value: Any, where: str) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value <= 0:
        raise UserError(
            f"{value!r} is not allowed", where=where, remedy="Give a number of pixels above 0."
        )
    return float(value)


def _near(value: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(value, sorted(known), n=1)
    return f"Did you mean {near[0]}?" if near else f"Use one of {', '.join(sorted(known))}."

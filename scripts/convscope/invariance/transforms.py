"""The transforms of an invariance curve and their amounts; needs neither torch nor numpy.

Zeiler & Fergus (2013), section 3.2 and Fig. 5: vertical translation, scale and rotation.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from convscope.errors import UserError
from convscope.variants.definitions import FILLS, SIDE, definition_of

RANGE_KEYS = ("from", "to", "step")


@dataclass(frozen=True)
class Kind:
    """What a transform changes: a key of a variant's definition, where it changes nothing, a unit.

    ``whole_turn`` is the amount after which it starts anew; None where it never does.
    """

    parameter: str
    neutral: float
    title: str
    unit: str
    whole_turn: float | None = None


KINDS: dict[str, Kind] = {
    "vertical_translation": Kind("down", 0.0, "Vertical translation", "pixels, positive = down"),
    "horizontal_translation": Kind(
        "right", 0.0, "Horizontal translation", "pixels, positive = right"
    ),
    "scale": Kind("scale", 1.0, "Scale", "factor, above 1 enlarges"),
    "rotation": Kind("rotate", 0.0, "Rotation", "degrees, positive = anticlockwise", 360.0),
}


@dataclass(frozen=True)
class Transform:
    """A transform by all of its amounts.

    Parameters
    ----------
    name
        A key of ``KINDS``.
    amounts
        Ascending: pixels, factors or degrees.
    """

    name: str
    amounts: tuple[float, ...]

    @property
    def kind(self) -> Kind:
        """What it changes."""
        return KINDS[self.name]

    @property
    def settings(self) -> dict[str, Any]:
        """The transform as plain values, for a rule's params; ``transform_from`` reads them."""
        return {"name": self.name, "amounts": list(self.amounts)}

    def is_identity(self, amount: float) -> bool:
        """Return whether an amount gives the image back."""
        distance = amount - self.kind.neutral
        return distance % self.kind.whole_turn == 0 if self.kind.whole_turn else distance == 0

    def definition(self, amount: float, fill: str) -> dict[str, Any]:
        """Return the variant that one amount makes, as ``draw_variant`` and others take it."""
        definitions = {self.name: {self.kind.parameter: amount, "fill": fill}}
        return definition_of(self.name, definitions)


def transforms_of(
    settings: Mapping[str, Mapping[str, Any] | None], where: str = "invariance.transforms"
) -> tuple[Transform, ...]:
    """Return the transforms that a configuration asks for.

    Parameters
    ----------
    settings
        ``{name: {"from": lowest, "to": highest, "step": step}}``, both ends included; None leaves
        the transform out.
    where
        The config key, for messages.

    Raises
    ------
    UserError
        If nothing is asked for, or a name, key, range or amount is not valid; it names the key.
    """
    for name in settings:
        if name not in KINDS:
            raise UserError(
                f"unknown transform {name!r}", where=where, remedy=_suggestion(name, KINDS)
            )
    # In one order, so that the order of a configuration's keys reruns nothing.
    asked = {name: settings[name] for name in KINDS if settings.get(name) is not None}
    if not asked:
        raise UserError(
            "no transform is asked for", where=where, remedy=f"Give one of {', '.join(KINDS)}."
        )
    return tuple(
        Transform(name, amounts_of(asked[name] or {}, name, f"{where}.{name}")) for name in asked
    )


def transform_from(settings: Mapping[str, Any]) -> Transform:
    """Return a transform from its ``settings``."""
    return Transform(settings["name"], tuple(float(amount) for amount in settings["amounts"]))


def amounts_of(settings: Mapping[str, Any], name: str, where: str) -> tuple[float, ...]:
    """Return the amounts of a range, both ends included; decimal, so that 0.6 + 8 * 0.05 is 1.

    Parameters
    ----------
    settings
        ``from``, ``to`` and ``step``.
    name
        The transform.
    where
        The config key, for messages.

    Raises
    ------
    UserError
        If a key is missing or unknown, a value is no finite number, the range is empty, the step
        is not above 0 or does not divide the range, or a scale is not above 0.
    """
    lowest, highest, step = (_number(settings, key, where) for key in RANGE_KEYS)
    for key in settings:
        if key not in RANGE_KEYS:
            remedy = _suggestion(str(key), RANGE_KEYS)
            raise UserError(f"unknown key {key!r}", where=where, remedy=remedy)
    if step <= 0:
        raise UserError(
            f"a step of {step} leads nowhere", where=f"{where}.step", remedy="Give one above 0."
        )
    if lowest > highest:
        raise UserError(
            f"the range from {lowest} to {highest} is empty",
            where=where,
            remedy="Give a `to` that is not below `from`.",
        )
    if name == "scale" and lowest <= 0:
        raise UserError(
            f"a scale of {lowest} leaves no image",
            where=f"{where}.from",
            remedy="Give a factor above 0; above 1 enlarges.",
        )
    count, rest = divmod(highest - lowest, step)
    if rest:
        near = lowest + count * step
        raise UserError(
            f"steps of {step} from {lowest} don't reach {highest}",
            where=where,
            remedy=f"End at {near} or {near + step}, or give a step that divides the range.",
        )
    return tuple(float(lowest + place * step) for place in range(int(count) + 1))


def check_fill(fill: Any, where: str = "invariance.fill") -> str:
    """Return a fill if it is one.

    Raises
    ------
    UserError
        If it is unknown.
    """
    if fill not in FILLS:
        raise UserError(f"unknown fill {fill!r}", where=where, remedy=_suggestion(str(fill), FILLS))
    return fill


def notes_on(transforms: Sequence[Transform]) -> list[str]:
    """Return what is allowed but worth saying: amounts that leave nothing of the image in view."""
    notes = []
    for transform in transforms:
        if transform.kind.parameter in ("right", "down"):
            gone = [amount for amount in transform.amounts if abs(amount) >= SIDE]
            if gone:
                notes.append(
                    f"{transform.name}: {len(gone)} amounts of {SIDE} pixels or more move the "
                    "image out of view entirely; what is measured there is the fill"
                )
    return notes


def _number(settings: Mapping[str, Any], key: str, where: str) -> Decimal:
    value = settings.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        what = f"{key} is missing" if key not in settings else f"{key} {value!r} is not a number"
        raise UserError(what, where=where, remedy="Give the finite numbers from, to and step.")
    return Decimal(str(value))


def _suggestion(value: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    near = get_close_matches(value, known, n=1)
    return f"Did you mean {near[0]}?" if near else f"Use one of {', '.join(known)}."

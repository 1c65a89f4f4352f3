"""What a synthesis may be told, and what is refused; works without torch."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from numbers import Real
from typing import Any

from convscope.classes.lists import ClassList
from convscope.errors import UserError
from convscope.synthesis.presets import NEUTRAL, PRESETS

WORDS = {
    "parametrisation": ("pixels", "fourier"),
    "optimiser": ("sgd", "adam"),
    "rate_policy": ("constant", "progress", "length", "norm"),
    "shown": ("last", "best"),
}
RANGES: dict[str, tuple[float, float]] = {
    "momentum": (0, 0.999),
    "rate": (0, 1e12),
    "gain": (0, 1e6),
    "start_noise": (0, 255),
    "decay": (0, 0.999),
    "blur_sigma": (0, 20),
    "small_norm_percentile": (0, 99.9),
    "small_contribution_percentile": (0, 99.9),
    "total_variation_beta": (1, 4),
    "alpha_norm": (0, 1e6),
    "alpha": (1, 12),
}
COUNTS = {"iterations": (1, 100_000), "blur_every": (0, 100_000), "jitter": (0, 100)}
MOST_VARIATION = 1e9


def preset_settings(
    name: str,
    definitions: Mapping[str, Mapping[str, Any]] = PRESETS,
    *,
    iterations: int | None = None,
    rate_factor: float = 1.0,
    where: str = "presets",
) -> dict[str, Any]:
    """Return all settings of a preset, checked.

    Parameters
    ----------
    name
        Of the preset.
    definitions
        The presets, each with the keys that differ from ``NEUTRAL``.
    iterations
        In place of the preset's own; schedules are shares, and shrink with it.
    rate_factor
        For rate and gain of the policies ``constant`` and ``progress`` of SGD, which belong to the
        gradients of one network (Yosinski et al.'s to CaffeNet's).
    where
        The config key, for messages.

    Raises
    ------
    UserError
        If the preset, a key or a value is unknown or out of range, or two values exclude each
        other.
    """
    if name not in definitions:
        _fail(f"unknown preset {name!r}", where, _near(name, definitions))
    own = dict(definitions[name])
    if iterations is not None:
        own["iterations"] = iterations
    settings = checked_settings(own, f"{where}.{name}")
    _check_number(rate_factor, 1e-6, 1e6, f"{where}: rate_factor")
    if settings["optimiser"] == "sgd" and settings["rate_policy"] in ("constant", "progress"):
        settings["rate"] *= rate_factor
        settings["gain"] *= rate_factor
    return settings


def checked_settings(own: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return settings with every key of ``NEUTRAL``, after refusing what can't be carried out.

    Raises
    ------
    UserError
        Naming the key.
    """
    for key in own:
        if key not in NEUTRAL:
            _fail(f"unknown key {key!r}", where, _near(key, NEUTRAL))
    settings = {**NEUTRAL, **own}
    for key, words in WORDS.items():
        if settings[key] not in words:
            _fail(f"{settings[key]!r}", f"{where}.{key}", f"Choose from {', '.join(words)}.")
    for key, (low, high) in RANGES.items():
        _check_number(settings[key], low, high, f"{where}.{key}")
    for key, (least, most) in COUNTS.items():
        if not _is_whole(settings[key]):
            _fail(f"{settings[key]!r} is no whole number", f"{where}.{key}", "Give a whole number.")
        _check_number(settings[key], least, most, f"{where}.{key}")
        settings[key] = int(settings[key])
    if not isinstance(settings["clip"], bool):
        _fail(f"{settings['clip']!r}", f"{where}.clip", "Give true or false.")
    _check_pairs(settings["schedule"], f"{where}.schedule", last=None)
    if isinstance(settings["total_variation"], list):
        _check_pairs(settings["total_variation"], f"{where}.total_variation", last=1.0)
    else:
        _check_number(settings["total_variation"], 0, MOST_VARIATION, f"{where}.total_variation")
    _check_together(settings, where)
    return settings


def at_depth(settings: Mapping[str, Any], share: float) -> dict[str, Any]:
    """Return settings whose weights are those of a layer.

    Parameters
    ----------
    settings
        As ``checked_settings`` returns them.
    share
        How much the layer's units see of an image's side.
    """
    variation = settings["total_variation"]
    if isinstance(variation, list):
        variation = next(weight for limit, weight in variation if share <= limit + 1e-9)
    return {**settings, "total_variation": variation}


def checked_snapshots(steps: Iterable[int], iterations: int, where: str) -> list[int]:
    """Return numbers of steps in order, each once, after refusing those that no row reaches."""
    found = sorted(set(steps))
    for step in found:
        if not _is_whole(step) or not 0 <= step <= iterations:
            remedy = f"Give whole numbers from 0 to {iterations}."
            _fail(f"there is no image after {step!r} steps", where, remedy)
    return found


def class_indices(texts: Sequence[str | int], classes: ClassList, where: str) -> list[int]:
    """Return the indices of classes given by name, wnid or index, each once, in the order given.

    Raises
    ------
    UserError
        If a class is unknown (similar names are listed) or its name ambiguous (the candidates are).
    """
    found: dict[int, None] = {}
    for text in map(str, texts):
        index = classes.index_of(text)
        if index is None:
            remedy = _near(text.casefold().replace("_", " "), classes.names)
            _fail(f"the classes {classes.title} have no {text!r}", where, remedy)
        else:
            found[index] = None
    return list(found)


def _check_together(settings: Mapping[str, Any], where: str) -> None:
    if bool(settings["blur_sigma"]) != bool(settings["blur_every"]):
        _fail(
            f"blur_sigma {settings['blur_sigma']:g} with blur_every {settings['blur_every']}",
            where,
            "Give both, or neither.",
        )
    if settings["rate_policy"] == "progress" and not settings["gain"]:
        _fail("rate_policy progress without a gain", where, "Give the gain of a step (2).")
    if settings["optimiser"] == "adam" and settings["rate_policy"] != "constant":
        what = f"optimiser adam with rate_policy {settings['rate_policy']}"
        _fail(what, where, "Adam's steps do not depend on the gradient's size: use constant.")
    if settings["optimiser"] == "adam" and settings["momentum"]:
        _fail("optimiser adam with momentum", where, "Adam has its own: set momentum to 0.")
    if settings["rate"] == 0:
        _fail("a rate of 0 moves nothing", f"{where}.rate", "Give a positive rate.")


def _check_pairs(pairs: object, where: str, last: float | None) -> None:
    """Check [share, value] pairs: shares that sum to one, or that rise to ``last``."""
    remedy = "Give pairs of a share of the iterations and a factor; the shares sum to 1."
    if last is not None:
        remedy = (
            "Give a weight, or pairs of a share of the image's side, rising to 1, and a weight."
        )
    if not isinstance(pairs, list) or not pairs:
        _fail(f"{pairs!r}", where, remedy)
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not all(map(_is_number, pair)):
            _fail(f"{pair!r} is no pair of numbers", where, remedy)
        if not 0 < pair[0] <= 1 or not 0 <= pair[1] <= MOST_VARIATION:
            _fail(f"{pair!r} is out of range", where, remedy)
    shares = [pair[0] for pair in pairs]
    whole = sum(shares) if last is None else shares[-1]
    if abs(whole - 1) > 1e-6 or (last is not None and shares != sorted(set(shares))):
        _fail(f"the shares are {shares}", where, remedy)


def _check_number(value: object, low: float, high: float, where: str) -> None:
    if not _is_number(value) or not low <= value <= high:
        _fail(f"{value!r} is out of range", where, f"Give a number from {low:g} to {high:g}.")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return _is_number(value) and float(value).is_integer()


def _near(text: str, known: Iterable[str]) -> str:
    known = list(known)
    folded = {name.casefold(): name for name in known}
    near = [folded[key] for key in get_close_matches(text.casefold(), folded, n=3, cutoff=0.5)]
    shown = near or known[:10]
    return (
        f"Near it: {', '.join(shown)}." if near else f"There are, among others: {', '.join(shown)}."
    )


def _fail(what: str, where: str, remedy: str) -> None:
    raise UserError(what, where=where, remedy=remedy)

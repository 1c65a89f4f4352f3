"""Tables of scores: a row an image, and what each network leans on, object or context; no torch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from convscope.occlusion.localised import localised
from convscope.occlusion.score_files import NONE, ORDERS, WAYS, ImageScores, read_scores, scores_of
from convscope.occlusion.scores import UNDEFINED, Localisation
from convscope.occlusion.storage import read_maps
from convscope.occlusion.tables import read_rows, write_rows

AREAS = ("deletion", "insertion", "random_deletion", "random_insertion")
PARTNERS = ("clean", "erased", "replaced")
LOCALISATION = ("pointing", "share", "share_over_uniform", "intersection_over_union")
SCORE_COLUMNS = (
    *("network", "occluder", "image", *LOCALISATION, *AREAS),
    *(f"label_{name}" for name in PARTNERS),
    *(f"top_{name}" for name in PARTNERS),
    *("object_drop", "context_drop"),
)
"""``object_drop`` and ``context_drop``: by how much the probability of the clean image's top class
falls when the object is erased, and when the background is replaced."""
CONTEXT_COLUMNS = (
    *("network", "occluder", "scenes", "replaced"),
    *("by_object", "by_object_low", "by_object_high"),
    *("by_background", "by_background_low", "by_background_high"),
    *("object_drop", "object_drop_low", "object_drop_high"),
    *("context_drop", "context_drop_low", "context_drop_high"),
    *("leans_on_object", "shares", "share_over_uniform"),
)
"""``replaced`` of ``scenes`` have another background. ``by_object``, ``by_background``: how often
the network then names the object's class, and the class tied to the new background. Drops are means
over scenes. ``leans_on_object``: how often the object gives more than the background. ``shares``
scenes have a share of the drop; its median over a uniform map's follows. Ends of 95 % intervals are
called low and high."""
RESAMPLES = 2000
QUANTILE = 1.959964
"""Of the normal distribution, for 95 %."""


def write_score_tables(
    scores: str | Path, context: str | Path, files: Sequence[Mapping[str, Any]]
) -> None:
    """Write both tables.

    Parameters
    ----------
    scores, context
        The tables with ``SCORE_COLUMNS`` and ``CONTEXT_COLUMNS``.
    files
        As ``convscope.occlusion.trade_off.trade_off_rows`` takes them, each with ``scores``, the
        scores.h5 of its maps.

    Raises
    ------
    UserError
        If a file is missing, damaged or of another layout, or lacks an image.
    """
    rows, groups = [], {}
    for file in files:
        maps, measured = read_maps(file["occlusion"]), read_scores(file["scores"])
        found = localised(file, maps)
        names = {"network": file["network"], "occluder": file["occluder"]}
        group = groups.setdefault((file["network"], file["occluder"]), [])
        for image in maps:
            one, where = scores_of(measured, image, file["scores"]), found.get(image, UNDEFINED)
            rows.append({**names, "image": image, **image_row(one, where, measured.shares)})
            group.append((one, where))
    write_rows(scores, SCORE_COLUMNS, rows)
    summary = [
        {"network": network, "occluder": occluder, **context_row(group)}
        for (network, occluder), group in groups.items()
    ]
    write_rows(context, CONTEXT_COLUMNS, summary)


def read_score_rows(path: str | Path) -> list[dict[str, str]]:
    """Return the rows of the table of images as text; ``UserError`` if it is missing or damaged."""
    return read_rows(path, SCORE_COLUMNS, "scores")


def read_context_rows(path: str | Path) -> list[dict[str, str]]:
    """Return the rows of the table of networks as text; ``UserError`` as above."""
    return read_rows(path, CONTEXT_COLUMNS, "object and context")


def image_row(
    scores: ImageScores, found: Localisation, shares: np.ndarray | None
) -> dict[str, Any]:
    """Return what ``SCORE_COLUMNS`` says of one image, but for its names."""
    areas = dict.fromkeys(AREAS)
    if scores.curves is not None:
        areas = {
            way if order == "map" else f"random_{way}": float(np.trapezoid(curve, shares))
            for order, curves in zip(ORDERS, scores.curves, strict=True)
            for way, curve in zip(WAYS, curves, strict=True)
        }
    probabilities = {
        f"{of}_{name}": _known(scores.probabilities[place, column])
        for column, of in enumerate(("label", "top"))
        for place, name in enumerate(PARTNERS)
    }
    drops = [_known(drop) for drop in _drops(scores)]
    localisation = {name: getattr(found, name) for name in LOCALISATION}
    if localisation["pointing"] is not None:
        localisation["pointing"] = int(localisation["pointing"])
    return {
        **localisation,
        **areas,
        **probabilities,
        "object_drop": drops[0],
        "context_drop": drops[1],
    }


def context_row(group: Sequence[tuple[ImageScores, Localisation]]) -> dict[str, Any]:
    """Return what ``CONTEXT_COLUMNS`` says of one network and occluder, but for their names."""
    scenes = [(one, where) for one, where in group if one.answers[1] != NONE]
    replaced = [one for one, _ in scenes if one.answers[2] != NONE]
    known = [one for one in replaced if NONE not in (one.object_class, one.replaced_cue)]
    drops = np.array([_drops(one) for one in replaced]).reshape(-1, 2)
    shares = [w.share_over_uniform for _, w in scenes if w.share_over_uniform is not None]
    row: dict[str, Any] = {"scenes": len(scenes), "replaced": len(replaced)}
    for name, of in (("by_object", "object_class"), ("by_background", "replaced_cue")):
        hits = sum(int(one.answers[2]) == getattr(one, of) for one in known)
        row |= _with_ends(name, proportion(hits, len(known)))
    for place, name in enumerate(("object_drop", "context_drop")):
        row |= _with_ends(name, mean_with_interval(drops[:, place]))
    return row | {
        "leans_on_object": float((drops[:, 0] > drops[:, 1]).mean()) if len(drops) else None,
        "shares": len(shares),
        "share_over_uniform": median(shares) if shares else None,
    }


def proportion(hits: int, count: int) -> tuple[float, float, float] | None:
    """Return a proportion with its 95 % interval (Wilson, 1927); None of nothing."""
    if not count:
        return None
    share, square = hits / count, QUANTILE**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    spread = np.sqrt(share * (1 - share) / count + square / (4 * count**2))
    half = float(QUANTILE * spread / (1 + square / count))
    return share, max(0.0, middle - half), min(1.0, middle + half)


def mean_with_interval(values: np.ndarray) -> tuple[float, float, float] | None:
    """Return a mean with its 95 % interval by a seeded bootstrap; None of nothing."""
    if not len(values):
        return None
    drawn = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.quantile(values[drawn].mean(1), [0.025, 0.975])
    return float(values.mean()), float(low), float(high)


def _drops(scores: ImageScores) -> tuple[float, float]:
    """Return what erasing and replacing take from the clean image's top class; NaN if nothing."""
    clean, erased, replaced = scores.probabilities[:, 1]
    return clean - erased, clean - replaced


def _with_ends(name: str, values: tuple[float, float, float] | None) -> dict[str, float | None]:
    names = (name, f"{name}_low", f"{name}_high")
    return dict(zip(names, values or (None, None, None), strict=True))


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)

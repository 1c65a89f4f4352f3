"""What a patch and stride cost and what they find: positions, seconds, localisation; no torch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from convscope.occlusion.localised import localised
from convscope.occlusion.scores import Localisation
from convscope.occlusion.storage import read_index, read_maps
from convscope.occlusion.tables import read_rows, write_rows
from convscope.occlusion.times import read_times

COLUMNS = (
    "network",
    "occluder",
    "patch",
    "stride",
    "fill",
    "positions",
    "positions_evaluated",
    "images",
    "seconds",
    "scenes",
    "defined",
    "pointing",
    "share",
    "share_over_uniform",
    "intersection_over_union",
)
"""Of the table; the last four are empty where no scene's score is defined."""


def trade_off_rows(files: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a row of ``COLUMNS`` for each occluder and network, in the order of their first file.

    Positions are those of an image. Seconds and evaluated positions are medians over images. Scores
    are over scenes whose network has their class (``convscope.occlusion.scores``): ``defined`` of
    ``scenes`` have any, ``pointing`` is the share of hits among these, the others are medians.

    Parameters
    ----------
    files
        Each ``{"occlusion", "times", "scenes", "scene_of", "geometry", "network", "occluder"}``:
        occlusion.h5 and times.tsv of a batch, the scenes.h5 that its images come from or None, the
        scene of each image where it is called otherwise, how images were prepared, and two names.

    Raises
    ------
    UserError
        If a file is missing, damaged or of another layout, or lacks an image.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for file in files:
        groups.setdefault((file["network"], file["occluder"]), []).append(file)
    return [_row(network, occluder, group) for (network, occluder), group in groups.items()]


def write_trade_off(output: str | Path, files: Sequence[Mapping[str, Any]]) -> None:
    """Write ``trade_off_rows`` as tab-separated text; missing values are empty."""
    write_rows(output, COLUMNS, trade_off_rows(files))


def read_trade_off(path: str | Path) -> list[dict[str, str]]:
    """Return the rows of a table that ``write_trade_off`` wrote, as text.

    Raises
    ------
    UserError
        If the file is missing, or is no such table.
    """
    return read_rows(path, COLUMNS, "occluders")


def _row(network: str, occluder: str, files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    seconds: list[float] = []
    evaluated: list[int] = []
    scores: list[Localisation] = []
    for file in files:
        maps = read_maps(file["occlusion"])
        times = read_times(file["times"])
        seconds += [times[image] for image in maps]
        evaluated += [found.positions_evaluated for found in maps.values()]
        scores += localised(file, maps).values()
    index = read_index(files[0]["occlusion"])
    defined = [score for score in scores if score.share is not None]
    return {
        "network": network,
        "occluder": occluder,
        "patch": _sides(index.grid.patch),
        "stride": _sides(index.grid.stride),
        "fill": index.occluder["fill"],
        "positions": index.grid.shape[0] * index.grid.shape[1],
        "positions_evaluated": round(median(evaluated)) if evaluated else None,
        "images": len(seconds),
        "seconds": median(seconds) if seconds else None,
        "scenes": len(scores),
        "defined": len(defined),
        "pointing": sum(s.pointing for s in defined) / len(defined) if defined else None,
        **{
            name: median(getattr(s, name) for s in defined) if defined else None
            for name in ("share", "share_over_uniform", "intersection_over_union")
        },
    }


def _sides(sides: tuple[int, int]) -> str:
    return f"{sides[0]} × {sides[1]}" if sides[0] != sides[1] else str(sides[0])

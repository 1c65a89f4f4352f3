"""What a patch and stride cost and what they find: positions, seconds, localisation; no torch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from convscope.errors import UserError
from convscope.files import write_text
from convscope.hdf5 import attribute, reading
from convscope.occlusion.scores import Localisation, localisation
from convscope.occlusion.storage import read_index, read_maps
from convscope.occlusion.times import read_times
from convscope.scenes.store import SCHEMA

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
        Each ``{"occlusion", "times", "scenes", "scene_of", "network", "occluder"}``: occlusion.h5
        and times.tsv of a batch, the scenes.h5 that its images come from or None, the scene of
        each image where it is called otherwise, and two names.

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
    lines = ["\t".join(COLUMNS)]
    for row in trade_off_rows(files):
        lines.append("\t".join(_text(row[column]) for column in COLUMNS))
    write_text(output, "\n".join(lines) + "\n")


def read_trade_off(path: str | Path) -> list[dict[str, str]]:
    """Return the rows of a table that ``write_trade_off`` wrote, as text.

    Raises
    ------
    UserError
        If the file is missing, or is no such table.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (FileNotFoundError, UnicodeDecodeError):
        lines = []
    rows = [line.split("\t") for line in lines]
    if rows[:1] != [list(COLUMNS)] or any(len(row) != len(COLUMNS) for row in rows):
        raise UserError(
            "the table of occluders is missing or damaged",
            where=str(path),
            remedy="Delete it and run snakemake again to rebuild it.",
        )
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows[1:]]


def _row(network: str, occluder: str, files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    seconds: list[float] = []
    evaluated: list[int] = []
    scores: list[Localisation] = []
    for file in files:
        maps = read_maps(file["occlusion"])
        times = read_times(file["times"])
        seconds += [times[image] for image in maps]
        evaluated += [found.positions_evaluated for found in maps.values()]
        if file["scenes"] is not None:
            scores += _scores(file, maps)
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


def _scores(file: Mapping[str, Any], maps: Mapping[str, Any]) -> list[Localisation]:
    """Return the scores of the scenes of a batch; a mask at a time is in memory."""
    found = []
    with reading(file["scenes"], SCHEMA) as scenes:
        places = {scene: place for place, scene in enumerate(attribute(scenes, "ids"))}
        for image, of_image in maps.items():
            scene = file.get("scene_of", {}).get(image, image)
            if scene not in places:
                raise UserError(
                    f"there is no scene {scene!r} in it",
                    where=str(file["scenes"]),
                    remedy="Run snakemake again, so that the scenes are made anew.",
                )
            if of_image.label is not None:
                mask = scenes["masks"][places[scene]].astype(bool)
                found.append(localisation(of_image.drops(), of_image.grid, mask))
    return found


def _sides(sides: tuple[int, int]) -> str:
    return f"{sides[0]} × {sides[1]}" if sides[0] != sides[1] else str(sides[0])


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)

"""What the pages of occlusion say of scores: by image, and object or context by network."""

from collections.abc import Mapping, Sequence
from typing import Any

Key = tuple[str, str, str]


def by_image(rows: Sequence[Mapping[str, str]]) -> dict[Key, Mapping[str, str]]:
    """Return the rows of the table of scores by network, occluder and image."""
    return {(row["network"], row["occluder"], row["image"]): row for row in rows}


def score_cells(row: Mapping[str, str] | None) -> dict[str, str]:
    """Return what is said of one map, rounded; a dash where there is nothing."""
    row = row or {}

    def value(name: str) -> str:
        return f"{float(row[name]):.3f}" if row.get(name) else "–"

    def beside(name: str) -> str:
        return f"{value(name)} ({value(f'random_{name}')})" if row.get(name) else "–"

    return {
        "pointing": {"1": "yes", "0": "no"}.get(row.get("pointing", ""), "–"),
        "share": value("share"),
        "over_chance": value("share_over_uniform"),
        "overlap": value("intersection_over_union"),
        "deletion": beside("deletion"),
        "insertion": beside("insertion"),
        "clean": value("top_clean"),
        "erased": value("top_erased"),
        "replaced": value("top_replaced"),
    }


def context_rows(rows: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Return what is said of each network and occluder that has seen scenes with an object."""
    return [_context_row(row) for row in rows if int(row["scenes"])]


def _context_row(row: Mapping[str, str]) -> dict[str, Any]:
    def interval(name: str, digits: int = 2) -> str:
        if not row[name]:
            return "–"
        mean, low, high = (float(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
        return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"

    share, leans = row["share_over_uniform"], row["leans_on_object"]
    return {
        **{name: row[name] for name in ("network", "occluder", "scenes", "replaced", "shares")},
        **{name: interval(name) for name in ("by_object", "by_background")},
        **{name: interval(name) for name in ("object_drop", "context_drop")},
        "leans_on_object": f"{float(leans):.1%}" if leans else "–",
        "share_over_uniform": f"{float(share):.2f}" if share else "–",
    }

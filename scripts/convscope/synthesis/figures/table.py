"""The table of maximised classes: score, probability, and what an independent network says."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from convscope.synthesis.figures.titles import title_of
from convscope.synthesis.storage import Maximisation
from convscope.synthesis.transfer import Transfer

COLUMNS = (
    "network",
    "class_index",
    "class",
    "preset",
    "title",
    "seed",
    "iterations",
    "score",
    "probability",
    "shown_probability",
    "shown_class_is_label",
    "variation",
    "stopped",
    "judge",
    "judge_class",
    "judge_probability",
    "judge_label_probability",
)


def summary_rows(
    made: Iterable[tuple[str, Maximisation]],
    transfers: Mapping[tuple[str, int], Sequence[Transfer]] | None = None,
) -> list[dict[str, Any]]:
    """Return a row an image and judge, or an image where nobody judges, with ``COLUMNS``.

    Parameters
    ----------
    made
        Names and images of networks, a file each.
    transfers
        What other networks say, by network and class index.
    """
    rows = []
    for network, own in made:
        judged = (transfers or {}).get((network, own.class_index), ())
        for place, row in enumerate(own.rows):
            facts = _facts(network, own, place)
            known = [t for t in judged if (t.preset, t.seed) == (row["preset"], row["seed"])]
            rows += [{**facts, **_judgement(transfer)} for transfer in known or [None]]
    return rows


def summary_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows as a table, for ``convscope.predictions.storage``; truth is yes or no."""
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    named = {True: "yes", False: "no"}
    table["shown_class_is_label"] = table["shown_class_is_label"].map(named)
    floats = ("judge_probability", "judge_label_probability")
    return table.astype({"stopped": "Int32", **dict.fromkeys(floats, "float64")})


def _facts(network: str, made: Maximisation, place: int) -> dict[str, Any]:
    row = made.rows[place]
    return {
        "network": network,
        "class_index": made.class_index,
        "class": made.class_name,
        "preset": row["preset"],
        "title": title_of(row["preset"], made.presets[row["preset"]]),
        "seed": row["seed"],
        "iterations": row["iterations"],
        "score": float(made.score[place, row["shown_at"]]),
        "probability": float(made.probability[place, row["shown_at"]]),
        "shown_probability": float(made.shown_probability[place]),
        "shown_class_is_label": bool(made.shown_class[place] == made.class_index),
        "variation": float(made.variation[place]),
        "stopped": row["stopped"],
    }


def _judgement(transfer: Transfer | None) -> dict[str, Any]:
    if transfer is None:
        return dict.fromkeys(COLUMNS[-4:])
    return {
        "judge": transfer.judge,
        "judge_class": transfer.top_class,
        "judge_probability": transfer.top_probability,
        "judge_label_probability": transfer.label_probability,
    }

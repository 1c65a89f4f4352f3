"""The table of maximised classes: score, probability, and what an independent network says."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from convscope.files import write_text
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


def write_summary(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as tab-separated text with a head line, whole or not at all."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, delimiter="\t", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {
                name: f"{value:.6g}" if isinstance(value, float) else value
                for name, value in row.items()
            }
        )
    write_text(path, stream.getvalue())


def _facts(network: str, made: Maximisation, place: int) -> dict[str, Any]:
    row = made.rows[place]
    return {
        "network": network,
        "class_index": made.class_index,
        "class": made.class_name,
        "preset": row["preset"],
        "title": title_of(row["preset"], made.presets[row["preset"]]),
        "seed": row["seed"],
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

"""What an independent network says of maximised images, as a table; works without torch."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from convscope.classes.lists import ClassList
from convscope.errors import UserError
from convscope.files import write_text


@dataclass(frozen=True)
class Transfer:
    """What a judge says of one image.

    Parameters
    ----------
    preset, seed
        Which image of the file.
    judge
        The judging network's name.
    top_class, top_probability
        What it takes the image for.
    label_probability
        Its probability of the class that the image was made for; None if it has no such class.
    """

    preset: str
    seed: int
    judge: str
    top_class: str
    top_probability: float
    label_probability: float | None


COLUMNS = tuple(field.name for field in fields(Transfer))


def write_transfers(path: str | Path, transfers: Sequence[Transfer]) -> None:
    """Write a tab-separated table with a head line, whole or not at all."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, delimiter="\t", lineterminator="\n")
    writer.writeheader()
    for transfer in transfers:
        row = asdict(transfer)
        row["top_probability"] = f"{transfer.top_probability:.6g}"
        if transfer.label_probability is not None:
            row["label_probability"] = f"{transfer.label_probability:.6g}"
        writer.writerow(row)
    write_text(path, stream.getvalue())


def read_transfers(path: str | Path) -> list[Transfer]:
    """Read what ``write_transfers`` wrote.

    Raises
    ------
    UserError
        If the file is missing or its columns are others.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as stream:
            return [_transfer(row) for row in csv.DictReader(stream, delimiter="\t")]
    except (OSError, KeyError, ValueError) as error:
        raise UserError(
            f"not a table of transfers ({error})",
            where=str(path),
            remedy="Delete it and run snakemake again to rebuild it.",
        ) from None


def transfers_by_file(
    files: Sequence[Mapping[str, Any]], paths: Sequence[str]
) -> list[list[Transfer]]:
    """Return for each file what other networks say of it; nothing where it was not judged.

    Parameters
    ----------
    files
        Each with ``judged``.
    paths
        The transfers of those that were, in the same order.
    """
    left = iter(paths)
    return [read_transfers(next(left)) if entry["judged"] else [] for entry in files]


def same_class(name: str, wnid: str, classes: ClassList) -> int | None:
    """Return the index of a class in another network's list, by wnid or else by name, or None."""
    for text in filter(None, (wnid, name)):
        found = classes.indices_of(text)
        if len(found) == 1:
            return found[0]
    return None


def _transfer(row: dict[str, str]) -> Transfer:
    label = row["label_probability"]
    return Transfer(
        preset=row["preset"],
        seed=int(row["seed"]),
        judge=row["judge"],
        top_class=row["top_class"],
        top_probability=float(row["top_probability"]),
        label_probability=float(label) if label else None,
    )

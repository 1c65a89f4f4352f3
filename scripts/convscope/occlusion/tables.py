"""Tables of occlusion as tab-separated text; needs no torch."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from convscope.errors import UserError
from convscope.files import write_text


def write_rows(path: str | Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows under a head line; missing values are empty, numbers have four digits."""
    lines = ["\t".join(columns)]
    lines += ["\t".join(_text(row[column]) for column in columns) for row in rows]
    write_text(path, "\n".join(lines) + "\n")


def read_rows(path: str | Path, columns: Sequence[str], what: str) -> list[dict[str, str]]:
    """Return the rows of a table that ``write_rows`` wrote, as text.

    Parameters
    ----------
    path, columns
        As they were written.
    what
        The table's name, for messages.

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
    if rows[:1] != [list(columns)] or any(len(row) != len(columns) for row in rows):
        raise UserError(
            f"the table of {what} is missing or damaged",
            where=str(path),
            remedy="Delete it and run snakemake again to rebuild it.",
        )
    return [dict(zip(columns, row, strict=True)) for row in rows[1:]]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    # A name may hold anything; a table's cell holds neither tabs nor line breaks.
    return " ".join(str(value).split()) if isinstance(value, str) else str(value)

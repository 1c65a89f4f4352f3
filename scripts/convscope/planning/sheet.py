"""Read a sample sheet: which images a user gives, checked row by row."""

import csv
import os.path
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from convscope.errors import UserError
from convscope.invariance.part_boxes import PARTS, Box, parse_box
from convscope.planning.schema import flat_and_valid, keys_of, suggestion, validated

BASE = re.compile(r"^\{(?P<name>[^}]*)\}/(?P<rest>.+)$")


@dataclass(frozen=True)
class Row:
    """One image of a sample sheet; ``source`` is a path or a URL, ``parts`` are named boxes."""

    number: int
    image: str
    source: str
    label: str | None
    sha256: str | None
    variants: tuple[str, ...] | None
    parts: tuple[tuple[str, Box], ...] = ()

    @property
    def is_url(self) -> bool:
        """Whether the image is to be fetched."""
        return urlsplit(self.source).scheme in ("http", "https")


def read_sheet(path: Path, schema: Path, base_urls: Mapping[str, str]) -> list[Row]:
    """Return the rows of a tab-separated sample sheet.

    Parameters
    ----------
    path
        The sheet. Files in its ``source`` column are relative to its folder.
    schema
        The schema of a row.
    base_urls
        What ``{name}/`` at the start of a source stands for.

    Raises
    ------
    UserError
        Naming the sheet and the row, for anything that does not fit.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, delimiter="\t", strict=True)
            header = reader.fieldnames or []
            cells = [(reader.line_num, cell) for cell in reader]
    except FileNotFoundError:
        raise UserError(
            "the sample sheet is missing",
            where=str(path),
            remedy="Paths in the config are relative to the working directory.",
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"cannot be read ({error})",
            where=str(path),
            remedy="Give a UTF-8 file with tabs, in which quotation marks come in pairs.",
        ) from None
    _check_header(header, path, keys_of(schema))
    rows = [_row(number, cell, path, schema, base_urls) for number, cell in cells]
    _refuse_duplicates(rows, path)
    return rows


def _check_header(header: Sequence[str], path: Path, known: Sequence[str]) -> None:
    for column in ("image", "source"):
        if column not in header:
            raise UserError(
                f"the header has no column {column!r}, but {', '.join(header) or 'nothing'}",
                where=f"{path}, row 1",
                remedy=f"Separate the columns {', '.join(known)} by tabs.",
            )
    for place, column in enumerate(header):
        if column not in known or column in header[:place]:
            what = "unknown column" if column not in known else "repeated column"
            raise UserError(
                f"{what} {column!r}", where=f"{path}, row 1", remedy=suggestion(column, known)
            )


def _row(number: int, cell: Mapping, path: Path, schema: Path, base_urls: Mapping[str, str]) -> Row:
    where = f"{path}, row {number}"
    if None in cell or None in cell.values():
        raise UserError(
            "the row has more or fewer cells than the header", where=where, remedy="Count its tabs."
        )
    values = {key: text.strip() or None for key, text in cell.items()}
    # As they stand: a space in an id is a mistake, and an empty cell is an empty text.
    values |= {"image": cell["image"], "source": cell["source"].strip()}
    given = {key: text for key, text in values.items() if text is not None}
    if not flat_and_valid(given, schema):
        given = validated(values, schema, where, part="column")
    variants = given.get("variants")
    return Row(
        number=number,
        image=given["image"],
        source=_source(given["source"], path, where, base_urls),
        label=given.get("label"),
        sha256=given.get("sha256"),
        variants=tuple(part.strip() for part in variants.split(",")) if variants else None,
        parts=tuple(
            (part, parse_box(given[part], f"{where}, column {part}"))
            for part in PARTS
            if part in given
        ),
    )


def _source(source: str, path: Path, where: str, base_urls: Mapping[str, str]) -> str:
    based = BASE.match(source)
    if based:
        if based["name"] not in base_urls:
            raise UserError(
                f"unknown base URL {based['name']!r} in source {source!r}",
                where=f"{where}, column source",
                remedy=suggestion(based["name"], base_urls),
            )
        return f"{base_urls[based['name']]}/{based['rest']}"
    address = _address(source, where)
    if address is not None:
        return address
    place = path.parent / source
    if not os.path.isfile(place):  # noqa: PTH113 - no error for a name that no file can have
        raise UserError(
            f"the image file {place} is missing",
            where=f"{where}, column source",
            remedy="Paths in a sample sheet are relative to the sheet.",
        )
    return str(place)


def _address(source: str, where: str) -> str | None:
    """Return a URL as it is, and ``None`` for a path."""
    try:
        parts = urlsplit(source)
        host = parts.hostname
    except ValueError:  # such as http://[1
        parts, host = None, None
    if parts is not None and parts.scheme in ("http", "https") and host:
        return source
    if "://" in source or (parts is not None and parts.scheme in ("http", "https")):
        raise UserError(
            f"cannot fetch {source!r}",
            where=f"{where}, column source",
            remedy="Give a file, or a URL that starts with http:// or https:// and a host.",
        )
    return None


def _refuse_duplicates(rows: list[Row], path: Path) -> None:
    seen: dict[str, int] = {}
    for row in rows:
        if row.image in seen:
            raise UserError(
                f"duplicate image {row.image!r}, first in row {seen[row.image]}",
                where=f"{path}, row {row.number}, column image",
                remedy="Give every image an id of its own.",
            )
        seen[row.image] = row.number

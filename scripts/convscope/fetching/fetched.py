"""Fetched images: each lies in a folder named by its source; manifests list groups of them."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from convscope.digests import settings_digest
from convscope.errors import UserError
from convscope.files import replacing

COLUMNS = ("source", "sha256", "bytes")


class Fetched(NamedTuple):
    """One image of a group: the digest of its source, and what its file holds."""

    source: str
    sha256: str
    size: int


def source_digest(url: str, sha256: str | None) -> str:
    """Return the name of a fetched image: a digest of its URL and of the expected sha256."""
    return settings_digest({"url": url, "sha256": sha256 or None})


def group_digest(sources: Iterable[str]) -> str:
    """Return the name of a group of fetched images: a digest of its sources in any order."""
    return settings_digest(sorted(sources))


def manifest_place(shared: str | Path, group: str) -> Path:
    """Return where the manifest of a group lies."""
    return Path(shared) / "image_groups" / group / "manifest.tsv"


def image_place(manifest: str | Path, source: str) -> Path:
    """Return where an image lies; groups that have it in common share it."""
    return Path(manifest).parents[2] / "images" / source / "image"


def write_manifest(manifest: str | Path, images: Sequence[Fetched]) -> None:
    """Write what a group holds as a table (TSV); it appears whole or not at all."""
    with (
        replacing(manifest) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as stream,
    ):
        table = csv.writer(stream, delimiter="\t", lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(sorted(images))


def read_manifest(manifest: str | Path) -> dict[str, Fetched]:
    """Return the images of a group by the digest of their source.

    Raises
    ------
    UserError
        If the manifest is missing or damaged.
    """
    try:
        with Path(manifest).open(encoding="utf-8", newline="") as stream:
            header, *rows = csv.reader(stream, delimiter="\t", strict=True)
        if tuple(header) != COLUMNS:
            raise ValueError(f"its columns are {', '.join(header)}")
        return {row[0]: Fetched(row[0], row[1], int(row[2])) for row in rows}
    except (OSError, csv.Error, ValueError, IndexError) as error:
        raise UserError(
            f"not a manifest of fetched images ({error})",
            where=str(manifest),
            remedy="Delete it and run snakemake again; images that are there are not fetched anew.",
        ) from None

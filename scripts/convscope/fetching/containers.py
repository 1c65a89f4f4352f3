"""Many image files in one ZIP archive, stored as they are, with a table of contents beside it."""

import csv
import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from convscope.files import replacing

COLUMNS = ("image", "wnid", "class_row", "split_row", "sha256", "bytes")
# The earliest time that ZIP can hold: equal images give equal archives.
NO_TIME = (1980, 1, 1, 0, 0, 0)


class Sample(NamedTuple):
    """One image of a container.

    Parameters
    ----------
    image
        Id, ``n01532829_000``.
    wnid
        Class.
    class_row
        Number of the image within its class.
    split_row
        Number of the image within its split.
    content
        The image file, byte by byte as it came.
    """

    image: str
    wnid: str
    class_row: int
    split_row: int
    content: bytes


def write_container(container: str | Path, manifest: str | Path, samples: Sequence[Sample]) -> None:
    """Write images to ``container`` (ZIP, members ``{image}.jpg``) and ``manifest`` (TSV).

    Both appear whole or not at all, and the same samples give the same bytes.
    """
    with replacing(container) as archive_path, replacing(manifest) as table_path:
        with zipfile.ZipFile(archive_path, "w", zipfile.ZIP_STORED) as archive:
            for sample in samples:
                member = zipfile.ZipInfo(_member(sample.image), NO_TIME)
                member.create_system = 3
                member.external_attr = 0o644 << 16
                archive.writestr(member, sample.content)
        with table_path.open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, delimiter="\t", lineterminator="\n")
            table.writerow(COLUMNS)
            for sample in samples:
                digest = hashlib.sha256(sample.content).hexdigest()
                table.writerow((*sample[:4], digest, len(sample.content)))


def _member(image: str) -> str:
    return f"{image}.jpg"

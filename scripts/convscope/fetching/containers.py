"""Many image files in one ZIP archive, stored as they are, with a table of contents beside it."""

import csv
import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from convscope.errors import UserError
from convscope.files import replacing

COLUMNS = ("image", "wnid", "class_row", "split_row", "sha256", "bytes")
# The earliest time that ZIP can hold: equal images give equal archives.
NO_TIME = (1980, 1, 1, 0, 0, 0)
REMEDY = "Delete it and run snakemake again to fetch it anew."


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


def read_manifest(manifest: str | Path) -> dict[str, dict[str, str]]:
    """Return the rows of a manifest by image id, each as ``{column: text}``.

    Raises
    ------
    UserError
        If the file is missing or not a manifest.
    """
    try:
        with Path(manifest).open(encoding="utf-8", newline="") as stream:
            table = csv.DictReader(stream, delimiter="\t")
            rows = {row["image"]: row for row in table if table.fieldnames == list(COLUMNS)}
    except FileNotFoundError:
        raise UserError("the file is missing", where=str(manifest), remedy=REMEDY) from None
    if not rows:
        raise UserError("not a manifest of images", where=str(manifest), remedy=REMEDY)
    return rows


def read_image(container: str | Path, image: str, sha256: str | None = None) -> bytes:
    """Return an image file out of a container, byte by byte as it was fetched.

    Parameters
    ----------
    container
        The archive.
    image
        The image's id.
    sha256
        What its manifest says; checked if given.

    Raises
    ------
    UserError
        If the archive is missing or damaged, or the image is not in it or not the expected one.
    """
    where = f"{container}, image {image}"
    try:
        with zipfile.ZipFile(container) as archive:
            content = archive.read(_member(image))
    except FileNotFoundError:
        raise UserError("the file is missing", where=str(container), remedy=REMEDY) from None
    except KeyError:
        raise UserError("it is not in the container", where=where, remedy=REMEDY) from None
    except (zipfile.BadZipFile, EOFError) as error:
        raise UserError(f"the container is damaged ({error})", where=where, remedy=REMEDY) from None
    if sha256 is not None and (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise UserError(f"its sha256 is {found}, not {sha256}", where=where, remedy=REMEDY)
    return content


def _member(image: str) -> str:
    return f"{image}.jpg"

"""Fetch one row group of Mini-ImageNet by HTTP ranges: all of its images, as they are."""

import json
import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pyarrow
import pyarrow.parquet

from convscope.errors import UserError
from convscope.fetching.connection import require_connection, require_web_address
from convscope.fetching.containers import Sample, write_container
from convscope.fetching.hub import hub_files
from convscope.fetching.mini_imagenet_index import (
    MINI_IMAGENET,
    DatasetFacts,
    SplitFacts,
    image_at,
)
from convscope.fetching.patience import Patience, persist
from convscope.fetching.terms import imagenet_notice
from convscope.fetching.transfer import Transfer, transferring

if TYPE_CHECKING:
    from huggingface_hub import HfFileSystem

LOGGER = logging.getLogger(__name__)
Result = TypeVar("Result")
COLUMNS = ("image", "label")
OTHER_DATA = (
    "This is not the Mini-ImageNet that the project knows: set `repository` and `revision` back to "
    "the pinned ones, or use a mirror of that commit."
)


def fetch_row_group(
    *,
    endpoint: str,
    repository: str,
    revision: str,
    split: str,
    row_group: int,
    container: str | Path,
    manifest: str | Path,
    patience: Patience = Patience(),  # noqa: B008 (immutable)
    facts: DatasetFacts = MINI_IMAGENET,
) -> None:
    """Fetch the images of one row group into a container, with a manifest.

    A row group can't be read in part, so all of its images are kept; about 13 MB in ``test``.

    Parameters
    ----------
    endpoint
        Base address of the hub, ``https://huggingface.co`` or a mirror's.
    repository, revision
        Dataset and commit, ``timm/mini-imagenet`` and its 40 hexadecimal digits.
    split
        ``"train"``, ``"validation"`` or ``"test"``.
    row_group
        Number of the row group over the whole split.
    container, manifest
        The files to write; they appear whole or not at all (``containers.write_container``).
    patience
        Timeouts and attempts.
    facts
        What is known of the dataset; checked against what arrives.

    Raises
    ------
    UserError
        If the images can't be had, or what arrives differs from ``facts``.
    """
    rows = facts.split(split).rows_of(row_group)
    require_web_address(endpoint)
    folder = _folder(repository, revision)
    imagenet_notice(LOGGER)
    require_connection(endpoint, patience.connect_timeout)

    def attempt() -> list[tuple[bytes, int]]:
        with (
            transferring(LOGGER, f"{split} row group {row_group}") as display,
            hub_files(endpoint, patience, display.update) as files,
        ):
            return _Source(files, folder, split, facts).read(rows, display)

    where = f"{endpoint.rstrip('/')}/{folder}"
    content = persist(attempt, where, patience)
    samples = _samples(content, rows, facts.split(split), facts, where)
    write_container(container, manifest, samples)
    size = sum(len(sample.content) for sample in samples)
    LOGGER.info("%s: %d images of split %s, %.1f MB", where, len(samples), split, size / 1e6)


class _Source:
    """The parquet files of a split on the hub, checked against what is known of them."""

    def __init__(self, files: "HfFileSystem", folder: str, split: str, facts: DatasetFacts) -> None:
        self._files = files
        self._facts = facts
        self._known = facts.split(split)
        self._where = f"{files.endpoint}/{folder}"
        listed = files.ls(f"{folder}/data", detail=False)
        self._names = sorted(name for name in listed if _belongs(name, split))
        if not self._names:
            raise UserError(
                f"no parquet files of split {split} in data/", where=self._where, remedy=OTHER_DATA
            )

    def read(self, rows: range, display: Transfer) -> list[tuple[bytes, int]]:
        """Return (image file, label) of each of ``rows``; ``display`` is told the bytes to come.

        The footers say in which row groups the rows lie. In the files as they are known that is
        exactly one; were the split cut into files in another way, it would be two.
        """
        parquet = [self._open(name) for name in self._names]
        wanted = self._overlapping(parquet, rows)
        display.reset()
        display.total = sum(size for *_, size in wanted)
        content: list[tuple[bytes, int]] = []
        for file, group, first, _ in wanted:
            table = self._damage_is_said(
                lambda file=file, group=group: file.read_row_group(
                    group, columns=list(COLUMNS), use_threads=False
                )
            )
            inside = slice(max(rows.start - first, 0), rows.stop - first)
            labels = table.column("label").to_pylist()[inside]
            images = table.column("image").to_pylist()[inside]
            content += [
                (image["bytes"] or b"" if image else b"", label)
                for image, label in zip(images, labels, strict=True)
            ]
        return content

    def _open(self, name: str) -> pyarrow.parquet.ParquetFile:
        # Without a cache exactly the bytes of the row group travel; the default reads ahead 5 MiB.
        stream = self._files.open(name, cache_type="none")
        file = self._damage_is_said(lambda: pyarrow.parquet.ParquetFile(stream))
        _check_schema(file.schema_arrow, self._facts.wnids, name)
        return file

    def _overlapping(
        self, parquet: Sequence[pyarrow.parquet.ParquetFile], rows: range
    ) -> list[tuple[pyarrow.parquet.ParquetFile, int, int, int]]:
        """Return file, row group, its first row in the split, and bytes, where ``rows`` lie."""
        found = []
        first = 0
        for file in parquet:
            for group in range(file.metadata.num_row_groups):
                described = file.metadata.row_group(group)
                if first < rows.stop and first + described.num_rows > rows.start:
                    found.append((file, group, first, _stored_bytes(described)))
                first += described.num_rows
        if first != self._known.rows:
            raise UserError(
                f"split {self._known.name} has {first} rows, not {self._known.rows}",
                where=self._where,
                remedy=OTHER_DATA,
            )
        if len(found) > 1:
            LOGGER.info("the rows lie in %d row groups: files are cut otherwise", len(found))
        return found

    def _damage_is_said(self, read: Callable[[], Result]) -> Result:
        try:
            return read()
        except (pyarrow.ArrowException, OSError) as error:
            raise UserError(
                f"not a whole parquet file ({error})", where=self._where, remedy=OTHER_DATA
            ) from error


def _samples(
    content: Sequence[tuple[bytes, int]],
    rows: range,
    known: SplitFacts,
    facts: DatasetFacts,
    where: str,
) -> list[Sample]:
    """Name the images of ``rows`` and check that each has the class that it must have."""
    samples = []
    for row, (image, label) in zip(rows, content, strict=True):
        expected, class_row = divmod(row, known.rows_per_class)
        name = image_at(row, known.name, facts)
        if label != expected:
            found = dict(enumerate(facts.wnids)).get(label, label)
            raise UserError(
                f"row {row} of split {known.name} is of class {found}, not {facts.wnids[expected]}",
                where=where,
                remedy=OTHER_DATA,
            )
        if not image:
            raise UserError(
                f"row {row} of split {known.name} ({name}) has no image",
                where=where,
                remedy=OTHER_DATA,
            )
        samples.append(Sample(name, facts.wnids[expected], class_row, row, image))
    return samples


def _check_schema(schema: pyarrow.Schema, wnids: Sequence[str], name: str) -> None:
    """Check the columns, and that class number i of the file is ``wnids[i]``."""
    missing = [column for column in COLUMNS if column not in schema.names]
    if missing:
        raise UserError(f"no column {', '.join(missing)}", where=name, remedy=OTHER_DATA)
    try:
        described = json.loads((schema.metadata or {})[b"huggingface"])
        names = list(described["info"]["features"]["label"]["names"])
    except (KeyError, TypeError, ValueError):
        raise UserError(
            "the file doesn't say the names of its classes", where=name, remedy=OTHER_DATA
        ) from None
    if names == list(wnids):
        return
    if len(names) != len(wnids):
        what = f"it has {len(names)} classes, not {len(wnids)}"
    else:
        place = next(i for i, pair in enumerate(zip(names, wnids, strict=True)) if len({*pair}) > 1)
        what = f"its class {place} is {names[place]}, not {wnids[place]}"
    raise UserError(what, where=name, remedy=OTHER_DATA)


def _stored_bytes(described: pyarrow.parquet.RowGroupMetaData) -> int:
    columns = [described.column(number) for number in range(described.num_columns)]
    wanted = [column for column in columns if column.path_in_schema.split(".")[0] in COLUMNS]
    return sum(column.total_compressed_size for column in wanted)


def _belongs(name: str, split: str) -> bool:
    return bool(re.fullmatch(rf"{re.escape(split)}-.*\.parquet", Path(name).name))


def _folder(repository: str, revision: str) -> str:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository) or not re.fullmatch(r"[\w.-]+", revision):
        raise UserError(
            f"{repository!r} at {revision!r} names no dataset",
            where="repository and revision",
            remedy="Give OWNER/NAME and a commit of 40 hexadecimal digits.",
        )
    return f"datasets/{repository}@{revision}"

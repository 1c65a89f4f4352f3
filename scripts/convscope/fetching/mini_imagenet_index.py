"""What is known of Mini-ImageNet before any download: ids of its images and where they lie.

Light enough for parse time: no torch, no pyarrow, no huggingface_hub. The facts are those of the
pinned commit (``mini_imagenet.json``); ``convscope.fetching.mini_imagenet`` checks them on arrival.
"""

import bisect
import difflib
import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from convscope.errors import UserError

DATA_FILES = ("mini_imagenet.json",)
IMAGE_ID = re.compile(r"(n\d{8})_(\d{3})")


class Place(NamedTuple):
    """Where an image lies: the row group, counted over the whole split, and the row inside it."""

    row_group: int
    row: int


@dataclass(frozen=True)
class SplitFacts:
    """One split: rows sorted by class, cut into files, and these into row groups.

    Parameters
    ----------
    name
        ``"test"``.
    files
        Number of parquet files.
    rows_per_class
        Images of each class; class c has rows ``c * rows_per_class`` onwards.
    classes
        Number of classes.
    row_group_size
        Rows in a row group; the last of each file may be shorter.
    """

    name: str
    files: int
    rows_per_class: int
    classes: int
    row_group_size: int

    @property
    def rows(self) -> int:
        """Rows of the whole split."""
        return self.classes * self.rows_per_class

    @property
    def row_groups(self) -> tuple[range, ...]:
        """The split's rows in each row group, by its number."""
        return _row_groups(self.rows, self.files, self.row_group_size)

    def rows_of(self, row_group: int) -> range:
        """Return the split's rows in a row group.

        Raises
        ------
        UserError
            If there is no such row group.
        """
        groups = self.row_groups
        if not 0 <= row_group < len(groups):
            raise UserError(
                f"there is no row group {row_group}",
                where=f"Mini-ImageNet, split {self.name}",
                remedy=f"Use a number from 0 to {len(groups) - 1}.",
            )
        return groups[row_group]


@dataclass(frozen=True)
class DatasetFacts:
    """What is known of the dataset at one commit; class index = place of the wnid in ``wnids``."""

    repository: str
    revision: str
    wnids: tuple[str, ...]
    splits: Mapping[str, SplitFacts]

    def split(self, name: str) -> SplitFacts:
        """Return the facts of a split; a ``UserError`` names the ones there are."""
        if name not in self.splits:
            raise UserError(
                f"unknown split {name!r}",
                where="Mini-ImageNet",
                remedy=f"Use one of {', '.join(sorted(self.splits))}.",
            )
        return self.splits[name]

    def class_index(self, wnid: str) -> int:
        """Return the place of ``wnid`` among the classes; a ``UserError`` suggests near ones."""
        try:
            return self.wnids.index(wnid)
        except ValueError:
            near = difflib.get_close_matches(wnid, self.wnids, n=3, cutoff=0.7)
            meant = f"Did you mean {', '.join(near)}? " if near else ""
            raise UserError(
                f"{wnid!r} is not a class of Mini-ImageNet",
                where="Mini-ImageNet",
                remedy=f"{meant}Its {len(self.wnids)} classes are those of {DATA_FILES[0]}.",
            ) from None


def read_facts(path: str | Path) -> DatasetFacts:
    """Read the facts of a dataset from a JSON file like ``mini_imagenet.json``."""
    data = json.loads(Path(path).read_text(encoding="utf-8"))
    splits = {
        name: SplitFacts(
            name=name,
            files=split["files"],
            rows_per_class=split["rows_per_class"],
            classes=len(data["wnids"]),
            row_group_size=data["row_group_size"],
        )
        for name, split in data["splits"].items()
    }
    return DatasetFacts(data["repository"], data["revision"], tuple(data["wnids"]), splits)


MINI_IMAGENET = read_facts(Path(__file__).with_name(DATA_FILES[0]))
WNIDS = MINI_IMAGENET.wnids


def image_ids(
    split: str, wnids: Sequence[str], per_class: int, facts: DatasetFacts = MINI_IMAGENET
) -> list[str]:
    """Return the ids of the first ``per_class`` images of each class, ``n01532829_000`` onwards.

    Parameters
    ----------
    split
        ``"train"``, ``"validation"`` or ``"test"``.
    wnids
        Classes, in the order of the result; ``WNIDS`` for all.
    per_class
        Images of each class, at most the split's rows per class.
    facts
        The dataset.

    Raises
    ------
    UserError
        For an unknown split or class, a class given twice, or a number out of range.
    """
    rows_per_class = facts.split(split).rows_per_class
    if not 1 <= per_class <= rows_per_class:
        raise UserError(
            f"per_class is {per_class}",
            where=f"Mini-ImageNet, split {split}",
            remedy=f"Give a whole number from 1 to {rows_per_class}.",
        )
    for place, wnid in enumerate(wnids):
        facts.class_index(wnid)
        if wnid in wnids[:place]:
            raise UserError(
                f"class {wnid} is given twice", where="Mini-ImageNet", remedy="Name it once."
            )
    return [f"{wnid}_{row:03d}" for wnid in wnids for row in range(per_class)]


def locate(image_id: str, split: str, facts: DatasetFacts = MINI_IMAGENET) -> Place:
    """Return the row group of ``split`` that holds an image, and the row inside it.

    Raises
    ------
    UserError
        If ``image_id`` is not an id of that split.
    """
    known = facts.split(split)
    match = IMAGE_ID.fullmatch(image_id)
    if match is None or int(match[2]) >= known.rows_per_class:
        raise UserError(
            f"{image_id!r} is not an image of it",
            where=f"Mini-ImageNet, split {split}",
            remedy=f"Ids are a wnid and a row, n01532829_000 to _{known.rows_per_class - 1:03d}.",
        )
    row = facts.class_index(match[1]) * known.rows_per_class + int(match[2])
    groups = known.row_groups
    number = bisect.bisect_right(groups, row, key=lambda rows: rows.start) - 1
    return Place(number, row - groups[number].start)


def image_at(row: int, split: str, facts: DatasetFacts = MINI_IMAGENET) -> str:
    """Return the id of the image in a row of ``split``; the inverse of ``locate``."""
    label, class_row = divmod(row, facts.split(split).rows_per_class)
    return f"{facts.wnids[label]}_{class_row:03d}"


@functools.lru_cache(maxsize=64)
def _row_groups(rows: int, files: int, size: int) -> tuple[range, ...]:
    # The library that wrote the files cuts rows evenly into files, the first ones longer by a row,
    # and starts a new row group in each file.
    shortest, longer = divmod(rows, files)
    groups = []
    start = 0
    for file in range(files):
        stop = start + shortest + (file < longer)
        groups += [range(first, min(first + size, stop)) for first in range(start, stop, size)]
        start = stop
    return tuple(groups)

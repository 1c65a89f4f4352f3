"""Class lists: which index, name and WordNet id (wnid) a network's outputs have; no torch."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from convscope.errors import UserError

DATA_FILES = ("imagenet.tsv",)
BUILT_IN = ("imagenet", "scenes")


@dataclass(frozen=True)
class ClassList:
    """The classes of a network, in the order of its outputs."""

    title: str
    names: tuple[str, ...]
    wnids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for index, (name, wnid) in enumerate(zip(self.names, self.wnids, strict=True)):
            for key in {str(index), name.casefold(), wnid.casefold()} - {""}:
                places.setdefault(key, []).append(index)
        return places

    def indices_of(self, text: str) -> list[int]:
        """Return the indices of all classes that a name, wnid or index fits."""
        key = text.strip().casefold()
        return self._places.get(key.replace("_", " ")) or self._places.get(key, [])

    def index_of(self, text: str) -> int | None:
        """Return the index of a class named by name, wnid or index; ``None`` if there is none.

        Raises
        ------
        UserError
            If the name fits several classes; the candidates are listed.
        """
        found = self.indices_of(text)
        if len(found) > 1:
            candidates = ", ".join(f"{index} ({self.wnids[index]})" for index in found)
            raise UserError(
                f"the class name {text!r} is ambiguous: {candidates}",
                where=f"classes {self.title}",
                remedy="Give its index or wnid.",
            )
        return found[0] if found else None


def class_list(name: str) -> ClassList:
    """Return the class list ``imagenet``, ``scenes``, or that of a TSV (index, name, wnid).

    Raises
    ------
    UserError
        If the file is missing, or a row or column of it is wrong.
    """
    if name == "imagenet":
        return _imagenet()
    if name == "scenes":
        from convscope.scenes.names import SCENE_CLASSES

        return scene_class_list(SCENE_CLASSES)
    return read_class_list(Path(name), title=name)


def planned_class_list(settings: str | Mapping[str, Any]) -> ClassList:
    """Return the class list that a rule's settings tell: a built-in one by name, others whole."""
    if isinstance(settings, str):
        return class_list(settings)
    return ClassList("planned", tuple(settings["names"]), tuple(settings["wnids"]))


def class_channels(
    settings: str | Mapping[str, Any], layers: Iterable[str]
) -> dict[str, Sequence[str]]:
    """Return the names of the channels of layers that have a channel a class."""
    return dict.fromkeys(layers, planned_class_list(settings).names)


@lru_cache(maxsize=1)
def _imagenet() -> ClassList:
    return read_class_list(Path(__file__).with_name("imagenet.tsv"), title="imagenet")


def scene_class_list(names: tuple[str, ...]) -> ClassList:
    """Return the list of some scene classes, in the order given."""
    return ClassList("scenes", tuple(names), ("",) * len(names))


def read_class_list(path: Path, title: str) -> ClassList:
    """Read a tab-separated class list with the columns index, name and (optional) wnid."""
    remedy = "Give a TSV with the columns index, name, wnid and the indices 0, 1, 2, ..."
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, delimiter="\t", strict=True)
            header = reader.fieldnames or []
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"cannot be read ({error})", where=f"classes {title}", remedy=remedy
        ) from None
    if not {"index", "name"} <= set(header):
        raise UserError("has no columns index and name", where=f"classes {title}", remedy=remedy)
    if not rows:
        raise UserError("names no class", where=f"classes {title}", remedy=remedy)
    for number, row in enumerate(rows):
        if None in row or None in row.values():
            raise UserError(
                f"row {number + 2} has more or fewer cells than the header",
                where=f"classes {title}",
                remedy="Count its tabs.",
            )
        if row["index"] != str(number) or not row["name"]:
            raise UserError(
                f"row {number + 2} should have index {number} and a name, not {row['index']!r}, "
                f"{row['name']!r}",
                where=f"classes {title}",
                remedy=remedy,
            )
    names = tuple(row["name"] for row in rows)
    return ClassList(title, names, tuple(row.get("wnid") or "" for row in rows))

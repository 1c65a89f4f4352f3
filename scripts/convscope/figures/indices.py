"""What a folder of figures holds, written by the rule that draws them and read by the pages."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from convscope.errors import UserError

INDEX = "index.json"


def write_index(folder: Path, index: Mapping[str, Any]) -> None:
    """Write the index of a folder of figures: plain values, and files relative to the folder."""
    text = json.dumps(index, indent=1, sort_keys=True)
    (folder / INDEX).write_text(f"{text}\n", encoding="ascii")


def read_index(folder: str | Path) -> dict[str, Any]:
    """Read the index of a folder of figures.

    Raises
    ------
    UserError
        If it is missing or damaged.
    """
    path = Path(folder) / INDEX
    try:
        return json.loads(path.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        raise UserError(
            "the index of a folder of figures is missing or damaged",
            where=str(path),
            remedy="Delete the folder and run snakemake again to rebuild it.",
        ) from None

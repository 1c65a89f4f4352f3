"""The file times.tsv: how long each image took; apart from the maps, whose bytes hold no times."""

import csv
from collections.abc import Sequence
from pathlib import Path

from convscope.files import write_text


def write_times(path: str | Path, ids: Sequence[str], seconds: Sequence[float]) -> None:
    """Write the seconds of each image, a row an image with the columns image and seconds."""
    rows = [f"{image}\t{value:.3f}\n" for image, value in zip(ids, seconds, strict=True)]
    write_text(path, "".join(["image\tseconds\n", *rows]))


def read_times(path: str | Path) -> dict[str, float]:
    """Return the seconds of each image."""
    with Path(path).open(encoding="utf-8", newline="") as stream:
        return {
            row["image"]: float(row["seconds"]) for row in csv.DictReader(stream, delimiter="\t")
        }

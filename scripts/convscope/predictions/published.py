"""The published predictions of VGG-16 and VGG-19 (report, tables 5.1.1 and 5.1.2).

"Visualizing and Understanding Convolutional Networks", end-evaluation report (SMAI, IIIT Hyderabad,
December 2021). Its four photographs are not published, so its figures stand beside those of other
photographs of the same animal: the comparison is of the pattern, not of the numbers.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

DATA_FILES = ("published.tsv",)


@dataclass(frozen=True)
class Published:
    """What the report says of one animal, method and architecture."""

    method: str
    probability: float
    predicted: str


PublishedFigures = dict[tuple[str, str, str], Published]
"""Figures by architecture, class name of the label and variant."""


def read_published() -> PublishedFigures:
    """Return the published figures by (architecture, class name of the label, variant).

    The column ``classes`` of the table lists the class names that count as the animal: those that
    the report's own photograph is given under the method "normal", and their neighbours.
    """
    text = Path(__file__).with_name(DATA_FILES[0]).read_text(encoding="utf-8")
    figures: PublishedFigures = {}
    for row in csv.DictReader(text.splitlines(), delimiter="\t"):
        figure = Published(row["method"], float(row["probability"]), row["predicted"])
        for name in row["classes"].split("|"):
            figures[row["architecture"], name, row["variant"]] = figure
    return figures

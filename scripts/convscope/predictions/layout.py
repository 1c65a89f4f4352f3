"""The layout of the report's tables 5.1.1 and 5.1.2: image x method, two columns a network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pandas as pd

from convscope.predictions.published import PublishedFigures
from convscope.predictions.titles import variant_title

PUBLISHED_MARK = "published (other photograph)"
MARK_LEGEND = "✓ marks a predicted class that is the image's label."
PUBLISHED_LEGEND = (
    "Published figures are those of the report's tables 5.1.1 and 5.1.2, for other photographs of "
    "the same animals: compare the pattern, not the numbers."
)


@dataclass(frozen=True)
class Column:
    """Two columns of the layout: probability and predicted class of a network or a publication."""

    network: str
    published: bool

    @property
    def title(self) -> str:
        """What stands above the two columns."""
        return f"{self.network}, {PUBLISHED_MARK}" if self.published else self.network


@dataclass(frozen=True)
class Cell:
    """One prediction: the probability, the class, and whether the class is the image's label.

    Published predictions are never marked: the class of their photographs is not known.
    """

    probability: str
    predicted: str
    is_label: bool


@dataclass(frozen=True)
class Row:
    """One method: a cell for every column, None where there is no figure."""

    method: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class ImageRows:
    """The rows of one image; ``label`` is its class name, or empty."""

    image: str
    sample_set: str
    label: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Layout:
    """The whole table."""

    columns: tuple[Column, ...]
    images: tuple[ImageRows, ...]

    @property
    def legend(self) -> str:
        """What the marks and the published columns mean."""
        published = any(column.published for column in self.columns)
        return f"{MARK_LEGEND} {PUBLISHED_LEGEND}" if published else MARK_LEGEND


def lay_out(
    table: pd.DataFrame,
    *,
    networks: Sequence[str],
    architectures: Mapping[str, str],
    published: PublishedFigures,
) -> Layout:
    """Arrange the tidy table by image and method, the published figures beside the computed ones.

    Parameters
    ----------
    table
        What ``tabulate_predictions`` returns; its order of images and variants is kept.
    networks
        Networks in the order of their columns.
    architectures
        ``{network: architecture}``; published figures belong to an architecture.
    published
        What ``read_published`` returns. A network gets columns for them only where at least one of
        its images is of a published animal and method.
    """
    wanted = ["image", "sample_set", "label", "network", "variant", "predicted", "probability"]
    records = table[[*wanted, "label_rank"]].to_dict("records")
    with_figures = {r["network"] for r in records if _figure(r, architectures, published)}
    columns = [
        Column(network, kind)
        for network in networks
        for kind in ((False, True) if network in with_figures else (False,))
    ]
    images = []
    for (sample_set, image), of_image in groupby(records, lambda r: (r["sample_set"], r["image"])):
        rows = list(of_image)
        label = next((r["label"] for r in rows if not pd.isna(r["label"])), "")
        by_variant = [
            Row(variant_title(variant), _cells(list(found), columns, architectures, published))
            for variant, found in groupby(rows, lambda r: r["variant"])
        ]
        images.append(ImageRows(image, sample_set, label, tuple(by_variant)))
    return Layout(tuple(columns), tuple(images))


def _figure(
    record: Mapping[str, Any], architectures: Mapping[str, str], published: PublishedFigures
) -> Cell | None:
    if pd.isna(record["label"]):
        return None
    key = (architectures[record["network"]], record["label"], record["variant"])
    if key not in published:
        return None
    figure = published[key]
    return Cell(f"{figure.probability:.4f}", figure.predicted, is_label=False)


def _cells(
    records: list[Mapping[str, Any]],
    columns: Sequence[Column],
    architectures: Mapping[str, str],
    published: PublishedFigures,
) -> tuple[Cell | None, ...]:
    by_network = {record["network"]: record for record in records}

    def cell(column: Column) -> Cell | None:
        record = by_network.get(column.network)
        if record is None:
            return None
        if column.published:
            return _figure(record, architectures, published)
        is_label = not pd.isna(record["label_rank"]) and record["label_rank"] == 1
        return Cell(f"{record['probability']:.4f}", record["predicted"], bool(is_label))

    return tuple(cell(column) for column in columns)

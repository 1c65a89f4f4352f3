"""The first page of the report: what was run, the images with their variants, the predictions."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from convscope.predictions.layout import lay_out
from convscope.predictions.published import read_published
from convscope.predictions.rendering import as_html
from convscope.predictions.storage import read_parquet
from convscope.predictions.summary import summarise
from convscope.predictions.titles import variant_title
from convscope.report.gallery import DrawVariant, gallery
from convscope.report.pages import linked, write_page
from convscope.report.selection import select

DATA_FILES = ("index.html.j2",)


def build_index(path: str | Path, settings: Mapping[str, Any], draw_variant: DrawVariant) -> None:
    """Write ``index.html`` of an experiment.

    Parameters
    ----------
    path
        The page.
    settings
        ``experiment``: name. ``images``: how many images to show at most. ``predictions``: path of
        predictions.parquet. ``networks``: ``[{"name", "weights"}]`` in order, weights in words.
        ``checks``: ``{network: path of check.json}``. ``sample_sets``: ``[{"name", "source"}]`` in
        order, the source in words. ``variants``: ``[{"name", "definition"}]`` in order.
        ``image_files``: ``[{"path", "sample_set"}]``. ``versions``: ``{package: version}``.
        ``downloads``: ``[{"title", "path"}]``. ``pages``: navigation, ``[{"title", "href"}]``.
        ``imagenet_terms``: whether images of ImageNet are shown. ``notes``: list of sentences.
    draw_variant
        Draws a variant from pixels uint8 (3, H, W) and its definition, as
        ``convscope.variants.draw.draw_variant`` does.

    Raises
    ------
    UserError
        If a file to download or to read is missing or damaged.
    """
    table = read_parquet(settings["predictions"])
    networks = [_network(entry, settings["checks"]) for entry in settings["networks"]]
    members = {
        entry["name"]: list(table.loc[table["sample_set"] == entry["name"], "image"].unique())
        for entry in settings["sample_sets"]
    }
    shown = _rows_of(table, select(members, settings["images"]))
    definitions = {entry["name"]: entry["definition"] for entry in settings["variants"]}
    pictures = gallery(shown, settings["image_files"], definitions, draw_variant)
    context = {
        "networks": networks,
        "sample_sets": [_sample_set(e, members, pictures) for e in settings["sample_sets"]],
        "images": sum(len(images) for images in members.values()),
        "shown": sum(len(images) for images in pictures.values()),
        "variants": [variant_title(entry["name"]) for entry in settings["variants"]],
        "versions": settings["versions"],
        "summaries": _summaries(table, settings),
        "predictions": _predictions(shown, networks),
        "downloads": [linked(entry, Path(path)) for entry in settings["downloads"]],
        "imagenet_terms": settings["imagenet_terms"],
        "notes": settings["notes"],
    }
    title = f"What the networks saw: {settings['experiment']}"
    write_page(
        path,
        title=title,
        template=DATA_FILES[0],
        context=context,
        navigation=settings["pages"],
    )


def _network(entry: Mapping[str, str], checks: Mapping[str, str]) -> dict[str, Any]:
    text = Path(checks[entry["name"]]).read_text(encoding="utf-8")
    return {**json.loads(text), **entry}


def _rows_of(table: pd.DataFrame, chosen: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    keys = {(sample_set, image) for sample_set, images in chosen.items() for image in images}
    found = zip(table["sample_set"], table["image"], strict=True)
    return table[[key in keys for key in found]]


def _sample_set(
    entry: Mapping[str, str],
    members: Mapping[str, Sequence[str]],
    pictures: Mapping[str, list[dict[str, Any]]],
) -> dict[str, Any]:
    name = entry["name"]
    return {**entry, "count": len(members[name]), "images": pictures.get(name, [])}


def _predictions(shown: pd.DataFrame, networks: Sequence[Mapping[str, Any]]) -> Markup:
    layout = lay_out(
        shown,
        networks=[network["name"] for network in networks],
        architectures={network["name"]: network["architecture"] for network in networks},
        published=read_published(),
    )
    return Markup(as_html(layout))  # noqa: S704 - escaped by its own template


def _summaries(table: pd.DataFrame, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Arrange the summary for reading: a table a sample set, a row a variant."""
    orders = {
        name: [entry["name"] for entry in settings[name]]
        for name in ("sample_sets", "variants", "networks")
    }
    summary = summarise(table, **orders)
    summaries = []
    for sample_set, rows in summary[summary["labelled"] > 0].groupby("sample_set", sort=False):
        figures = {(row["variant"], row["network"]): row for row in rows.to_dict("records")}
        seen = [name for name in orders["networks"] if (rows["network"] == name).any()]
        variants = [name for name in orders["variants"] if (rows["variant"] == name).any()]
        lines = [
            {"title": variant_title(v), "cells": [figures.get((v, n)) for n in seen]}
            for v in variants
        ]
        summaries.append({"sample_set": sample_set, "networks": seen, "rows": lines})
    return summaries

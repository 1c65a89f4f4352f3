"""The tables of maximised classes and of inverted layers as text for pages."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from convscope.synthesis.figures.ladder import probability
from convscope.synthesis.figures.titles import title_of

NONE = "–"


def transfer_summary(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a row a network and preset: its own word on its images, and that of the others.

    Parameters
    ----------
    table
        Of ``convscope.synthesis.figures.table``, a row an image and judge.
    """
    rows = []
    for (network, preset), found in table.groupby(["network", "preset"], sort=False):
        images = found.drop_duplicates(["class_index", "seed"])
        known = found["judge_label_probability"].notna()
        named = found["judge_label_probability"] == found["judge_probability"]
        rows.append(
            {
                "network": network,
                "preset": preset,
                "title": _title(images),
                "images": len(images),
                "named": f"{(images['shown_class_is_label'] == 'yes').sum()} of {len(images)}",
                "own": _median(images["shown_probability"], probability),
                "judged": f"{named[known].sum()} of {known.sum()}" if known.any() else NONE,
                "others": _median(found["judge_label_probability"], probability),
                "variation": _median(images["variation"], "{:.2f}".format),
            }
        )
    return _marked(rows, "network")


def transfer_rows(table: pd.DataFrame, files: Collection[tuple[str, int]]) -> list[dict[str, Any]]:
    """Return a row an image of one class, with what each judge says.

    Parameters
    ----------
    table
        As for ``transfer_summary``.
    files
        The networks that made the class, each with its index there.
    """
    pairs = zip(table["network"], table["class_index"], strict=True)
    own = table[[pair in files for pair in pairs]]
    rows = []
    for (network, preset, seed), found in own.groupby(["network", "preset", "seed"], sort=False):
        first = found.iloc[0]
        judged = found[found["judge"].notna()].to_dict("records")
        rows.append(
            {
                "network": network,
                "title": _title(found),
                "preset": preset,
                "seed": seed,
                "score": f"{first['score']:.1f}".replace("-", "−"),
                "own": probability(first["shown_probability"]),
                "right": first["shown_class_is_label"] == "yes",
                "stopped": None if pd.isna(first["stopped"]) else int(first["stopped"]),
                "judges": [_judgement(entry) for entry in judged],
            }
        )
    return _marked(rows, "network")


def inversion_tables(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table a network and sample set: means over images, a row a layer.

    Parameters
    ----------
    table
        Of ``convscope.synthesis.figures.inversion_table``.
    """
    tables = []
    for (network, sample_set), found in table.groupby(["network", "sample_set"], sort=False):
        presets = list(dict.fromkeys(found["preset"]))
        tables.append(
            {
                "network": network,
                "sample_set": sample_set,
                "images": found["image"].nunique(),
                "presets": [title_of(preset) for preset in presets],
                "rows": [
                    _layer(of_layer, presets) for _, of_layer in found.groupby("layer", sort=False)
                ],
            }
        )
    return tables


def _layer(found: pd.DataFrame, presets: Sequence[str]) -> dict[str, Any]:
    own = {preset: found[found["preset"] == preset] for preset in presets}
    return {
        "layer": found["layer"].iloc[0],
        "common_name": found["common_name"].iloc[0],
        "control": _mean(found["control_e2"], "{:.3f}"),
        "cells": [
            {
                "e1": _mean(rows["e1"], "{:.3f}"),
                "e2": _mean(rows["e2"], "{:.3f}"),
                "psnr": _mean(rows["psnr"], "{:.1f}"),
                # The true image's own code would be nearest of all.
                "poor": bool((rows["e2"] >= rows["control_e2"]).any()),
            }
            for rows in own.values()
        ],
    }


def _judgement(entry: Mapping[str, Any]) -> dict[str, Any]:
    label = entry["judge_label_probability"]
    return {
        "name": entry["judge"],
        "label": NONE if pd.isna(label) else probability(label),
        "says": entry["judge_class"],
        "sure": probability(entry["judge_probability"]),
        "right": bool(label == entry["judge_probability"]),
    }


def _title(rows: pd.DataFrame) -> str:
    return str(rows["title"].iloc[0])


def _marked(rows: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Say of each row whether it is the first of its network."""
    before = [None, *(row[key] for row in rows)]
    return [{**row, "first": row[key] != above} for row, above in zip(rows, before, strict=False)]


def _median(values: pd.Series, spell: Callable[[float], str]) -> str:
    return spell(float(values.median())) if values.notna().any() else NONE


def _mean(values: pd.Series, form: str) -> str:
    finite = values[np.isfinite(values.astype(float))]
    return form.format(finite.mean()) if len(finite) else NONE

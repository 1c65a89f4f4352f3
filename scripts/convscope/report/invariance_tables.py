"""The summaries of invariance and correspondence as text for tables of a page."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from convscope.invariance.layers import BOTTOM, TOP
from convscope.invariance.transforms import KINDS

NONE = "–"
SIGNS = {"three_valued": "three signs (−, 0, +)", "binary": "two signs"}


def rank_tables(
    summary: pd.DataFrame, sample_set: str, networks: Sequence[Mapping[str, str]]
) -> list[dict[str, Any]]:
    """Return a table a transform: bottom and top layer of each network, how far the class holds.

    Parameters
    ----------
    summary
        Of ``convscope.invariance.summary.summarise_invariance``.
    sample_set
        Which rows.
    networks
        ``{"name", "weights"}``, weights in words.
    """
    weights = {network["name"]: network["weights"] for network in networks}
    ends = summary["role"].isin([BOTTOM, TOP]) & (summary["sample_set"] == sample_set)
    tables = []
    for transform, rows in summary[ends].groupby("transform", sort=False):
        kind = KINDS[str(transform)]
        roles = [role for role in (BOTTOM, TOP) if (rows["role"] == role).any()]
        counts = sorted(set(rows["images"]))
        tables.append(
            {
                "title": kind.title,
                "unit": kind.unit,
                "images": " to ".join(str(count) for count in {counts[0]: 0, counts[-1]: 0}),
                "roles": roles,
                "rows": [
                    _ranked(rows[rows["network"] == name], roles, weights[name])
                    for name in rows.loc[rows["role"] == TOP, "network"]
                ],
            }
        )
    return tables


def correspondence_tables(summary: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table a sample set and kind of sign: a row a part, a column a network and layer.

    Parameters
    ----------
    summary
        Of ``convscope.invariance.correspondence_table.tabulate_correspondence``.
    """
    tables = []
    for sample_set, of_set in summary.groupby("sample_set", sort=False):
        for sign, title in SIGNS.items():
            rows = of_set[of_set["sign"] == sign]
            columns = {
                str(network): list(dict.fromkeys(of_network["common_name"]))
                for network, of_network in rows.groupby("network", sort=False)
            }
            tables.append(
                {
                    "sample_set": sample_set,
                    "sign": title,
                    "pairs": int(rows["pairs"].max()),
                    "networks": [{"name": n, "layers": layers} for n, layers in columns.items()],
                    "rows": [
                        {"part": str(part).replace("_", " "), "cells": _cells(found, columns)}
                        for part, found in rows.groupby("part", sort=False)
                    ],
                }
            )
    return tables


def _ranked(rows: pd.DataFrame, roles: Sequence[str], weights: str) -> dict[str, Any]:
    by_role = {row["role"]: row for row in rows.to_dict("records")}
    top = by_role[TOP]
    return {
        "network": top["network"],
        "weights": weights,
        "layers": [_layer(by_role.get(role)) for role in roles],
        "below": _amount(top["median_held_below"]),
        "above": _amount(top["median_held_above"]),
        "held": _percent(top["share_held"]),
        "classes": f"{top['clean_classes']} of {top['images']}",
        "right": f"{top['clean_right']} of {top['labelled']}" if top["labelled"] else NONE,
        "blind": top["clean_classes"] == 1 < top["images"],
        "rank_area": _rank(top["rank_area"]),
        "rank_held": _rank(top["rank_share_held"]),
    }


def _layer(row: Mapping[str, Any] | None) -> dict[str, str]:
    if row is None:
        return {"layer": "", "distance": NONE, "share": NONE}
    distance = row["mean_relative_distance"]
    return {
        "layer": row["common_name"],
        "distance": NONE if pd.isna(distance) else f"{distance:.3f}",
        "share": _percent(row["share_of_reference"]),
    }


def _cells(rows: pd.DataFrame, columns: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    known = {(row["network"], row["common_name"]): row for row in rows.to_dict("records")}
    cells = []
    for network, layers in columns.items():
        for place, layer in enumerate(layers):
            row = known[network, layer]
            spread = NONE if pd.isna(row["spread"]) else f"{row['spread']:.3f}"
            cells.append({"first": place == 0, "mean": f"{row['mean']:.3f}", "spread": spread})
    return cells


def _amount(value: float) -> str:
    return NONE if pd.isna(value) else f"{value:g}".replace("-", "−")


def _percent(value: float) -> str:
    return NONE if pd.isna(value) else f"{100 * value:.0f} %"


def _rank(value: int) -> str:
    return NONE if pd.isna(value) else str(value)

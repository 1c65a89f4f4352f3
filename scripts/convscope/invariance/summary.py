"""Invariance in a few numbers: the area under the distance curve and how far the class holds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from convscope.invariance.bands import mean_with_band
from convscope.invariance.extent import Extent, extent_of
from convscope.invariance.gather import NetworkCurves
from convscope.invariance.layers import BETWEEN
from convscope.invariance.storage import Curves, Invariance

EXTENT = (
    "first_change_below",
    "first_change_above",
    "held_below",
    "held_above",
    "share_held",
)
WHOLE = ("images", "clean_classes", "clean_right", "labelled", "rank_area", "rank_share_held")


def area_under(amounts: Sequence[float], relative_distance: np.ndarray) -> np.ndarray:
    """Return the area under relative-distance curves by the trapezoidal rule.

    Parameters
    ----------
    amounts
        A of them, ascending.
    relative_distance
        ``(N, A)``.

    Returns
    -------
    np.ndarray
        ``(N,)`` in the unit of the amounts (pixels, factor, degrees); NaN for a single amount.
    """
    if len(amounts) < 2:
        return np.full(len(relative_distance), np.nan)
    return np.trapezoid(relative_distance, np.array(amounts), axis=1)


def image_summaries(curves: Sequence[NetworkCurves]) -> pd.DataFrame:
    """Return the summary numbers of every image.

    Returns
    -------
    pandas.DataFrame
        ``sample_set, network, image, transform, layer, common_name, role, area`` and the fields of
        ``convscope.invariance.extent.Extent``.
    """
    frames = []
    for entry in curves:
        for found in entry.measured.curves:
            extent = extent_of(found.transform, found.predicted, entry.measured.clean_class)
            for place, layer in enumerate(entry.measured.layers):
                frames.append(
                    pd.DataFrame(
                        {
                            **_keys(entry, found, layer),
                            "image": list(entry.measured.ids),
                            "area": _areas(found, place),
                            **{name: getattr(extent, name) for name in EXTENT},
                        }
                    )
                )
    columns = ["sample_set", "network", "image", "transform", "layer", "common_name", "role"]
    return pd.concat(frames, ignore_index=True)[[*columns, "area", *EXTENT]]


def summarise_invariance(curves: Sequence[NetworkCurves]) -> pd.DataFrame:
    """Summarise each network, layer and transform, and rank the networks.

    Parameters
    ----------
    curves
        What ``gather_curves`` returns.

    Returns
    -------
    pandas.DataFrame
        ``sample_set, transform, role, network, layer, common_name, images, area, area_low,
        area_high, mean_relative_distance, reference, share_of_reference, median_held_below,
        median_held_above, share_held, clean_classes, clean_right, labelled, rank_area,
        rank_share_held``.

        ``area`` is the mean over images with its 95 % bootstrap interval (null below 8 images),
        ``mean_relative_distance`` is area over the width of the range, ``reference`` the mean
        relative distance between unrelated images and ``share_of_reference`` their ratio: a network
        that tells no images apart is invariant to everything. ``clean_classes`` is how many
        different classes the network says for the images as they are (one that says the same of
        all holds it always), ``clean_right`` for how many of the ``labelled`` it is right. A
        median held amount at the end of the range means that at least half of the images hold to
        the end. Networks are ranked within sample set, transform and role, 1 = most invariant:
        smallest area, largest share held. Ordered by sample set, transform, role and rank of the
        area.
    """
    table = pd.DataFrame(list(_summaries(curves)))
    groups = table.groupby(["sample_set", "transform", "place"], sort=False)
    # A layer between bottom and top has a counterpart in another network if their names agree.
    table["rank_area"] = groups["area"].rank(method="min")
    table["rank_share_held"] = groups["share_held"].rank(method="min", ascending=False)
    orders = {name: _order(table[name]) for name in ("sample_set", "transform", "place")}
    keys = pd.DataFrame({name: table[name].map(order) for name, order in orders.items()})
    keys["rank"] = table["rank_area"].fillna(np.inf)
    table = table.loc[keys.sort_values(list(keys), kind="stable").index]
    return table.drop(columns="place").reset_index(drop=True).astype(dict.fromkeys(WHOLE, "Int32"))


def _summaries(curves: Sequence[NetworkCurves]) -> Iterator[dict[str, Any]]:
    for entry in curves:
        for found in entry.measured.curves:
            extent = extent_of(found.transform, found.predicted, entry.measured.clean_class)
            for place, layer in enumerate(entry.measured.layers):
                role = layer["role"]
                areas = _areas_summary(found, place)
                reference = reference_of(entry.measured, place)
                yield {
                    **_keys(entry, found, layer),
                    "place": role if role != BETWEEN else f"{role} {layer['common_name']}",
                    **areas,
                    "reference": reference,
                    "share_of_reference": areas["mean_relative_distance"] / reference,
                    **_extent_summary(extent),
                    **_clean_summary(entry.measured),
                }


def reference_of(measured: Invariance, layer: int, quantity: str = "relative_distance") -> float:
    """Return the mean over pairs of unrelated images; NaN where the run has no such pair."""
    values = getattr(measured, f"reference_{quantity}")[:, layer]
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _keys(entry: NetworkCurves, found: Curves, layer: Mapping[str, Any]) -> dict[str, str]:
    return {
        "sample_set": entry.sample_set,
        "transform": found.transform.name,
        "role": layer["role"],
        "network": entry.network,
        "layer": layer["name"],
        "common_name": layer["common_name"],
    }


def _areas(found: Curves, layer: int) -> np.ndarray:
    return area_under(found.transform.amounts, found.relative_distance[:, :, layer])


def _areas_summary(found: Curves, layer: int) -> dict[str, Any]:
    amounts = found.transform.amounts
    band = mean_with_band(_areas(found, layer)[:, None])
    mean = float(band.mean[0])
    width = amounts[-1] - amounts[0]
    return {
        "images": len(found.predicted),
        "area": mean,
        "area_low": np.nan if band.low is None else float(band.low[0]),
        "area_high": np.nan if band.high is None else float(band.high[0]),
        "mean_relative_distance": mean / width if width else np.nan,
    }


def _extent_summary(extent: Extent) -> dict[str, float]:
    return {
        "median_held_below": float(np.median(extent.held_below)),
        "median_held_above": float(np.median(extent.held_above)),
        "share_held": float(extent.share_held.mean()),
    }


def _clean_summary(measured: Invariance) -> dict[str, int]:
    pairs = zip(measured.labels, measured.clean_class.tolist(), strict=True)
    right = [label == clean for label, clean in pairs if label is not None]
    return {
        "clean_classes": len(np.unique(measured.clean_class)),
        "clean_right": sum(right),
        "labelled": len(right),
    }


def _order(names: pd.Series) -> dict[str, int]:
    return {name: place for place, name in enumerate(dict.fromkeys(names))}

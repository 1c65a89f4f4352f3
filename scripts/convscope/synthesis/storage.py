"""The files of maximised classes and of inversions; works without torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convscope.hdf5 import attribute, create_maps, create_table, reading, writing

MAXIMISATION = "maximisation/1"
INVERSION = "inversion/1"
MAPS = ("last", "best", "shown", "snapshots", "original")


@dataclass(frozen=True, eq=False)
class Maximisation:
    """The images that maximise one class of one network, a row a preset and seed.

    Parameters
    ----------
    network
        ``architecture``, ``weights_sha256`` and more.
    class_index, class_name, class_wnid
        The class; the wnid may be empty.
    objective
        ``layer`` and, in words, ``what`` of it was maximised.
    rows
        ``preset``, ``seed``, ``attempt`` (of the start), ``iterations``, ``stopped`` (the
        iteration that was NaN, or None) and ``shown`` (``last`` or ``best``) of each.
    presets
        The settings of each preset.
    snapshot_steps
        After how many steps the snapshots were taken.
    shown
        uint8 RGB ``(R, 3, H, W)``.
    snapshots
        uint8 RGB ``(T, R, 3, H, W)``.
    score, probability
        ``(R, 1 + most iterations)``: of the image after so many steps, NaN where there is none.
    shown_probability, shown_class
        What the network says of the uint8 image: the class's probability, the top class's index.
    variation
        The last image's total variation over its standard deviation.
    """

    network: Mapping[str, Any]
    class_index: int
    class_name: str
    class_wnid: str
    objective: Mapping[str, str]
    rows: list[dict[str, Any]]
    presets: Mapping[str, Mapping[str, Any]]
    snapshot_steps: list[int]
    shown: np.ndarray
    snapshots: np.ndarray
    score: np.ndarray
    probability: np.ndarray
    shown_probability: np.ndarray
    shown_class: np.ndarray
    variation: np.ndarray

    def place(self, preset: str, seed: int) -> int | None:
        """Return the row of a preset and seed, or None."""
        wanted = (preset, seed)
        pairs = [(row["preset"], row["seed"]) for row in self.rows]
        return pairs.index(wanted) if wanted in pairs else None

    def final_score(self, row: int) -> float:
        """Return the score after the last step that counted."""
        values = self.score[row]
        return float(values[np.isfinite(values)][-1])


@dataclass(frozen=True, eq=False)
class Inversion:
    """Images made from layers' codes, a row an image, layer and preset.

    Parameters
    ----------
    network, presets
        As in ``Maximisation``.
    images
        Ids of the images that were inverted.
    compared
        Ids of the images whose mean distance is the unit of E2.
    rows
        ``image``, ``layer``, ``common_name``, ``place`` (of the layer in the network, from 0),
        ``preset``, ``seed``, ``attempt``, ``iterations``, ``stopped``, ``control_image`` (or None).
    original
        uint8 RGB ``(I, 3, H, W)``.
    shown
        uint8 RGB ``(R, 3, H, W)``.
    e1_curve, e2_curve
        ``(R, 1 + most iterations)``.
    e1, e2
        Of the float image that is shown: ``|Phi(x) - Phi0|**2 / |Phi0|**2``, and ``|Phi(x) -
        Phi0|`` over the mean distance between the codes of the compared images.
        Mahendran & Vedaldi's code returns E1 (deep-goggle, ``core/invert_nn.m``), and for HOG and
        DSIFT tabulates the squared distance over the mean squared one between images, about E2
        squared; the follow-up (arXiv 1512.02017) tabulates the root of E1. Which of them the table
        of CNN layers in arXiv 1412.0035 holds, the code leaves open: don't compare.
    control_e1, control_e2
        The same of the best of the other images' own codes; NaN if there is no other.
    psnr
        Of the shown image against the true one, decibels.
    """

    network: Mapping[str, Any]
    presets: Mapping[str, Mapping[str, Any]]
    images: list[str]
    compared: list[str]
    rows: list[dict[str, Any]]
    original: np.ndarray
    shown: np.ndarray
    e1_curve: np.ndarray
    e2_curve: np.ndarray
    e1: np.ndarray
    e2: np.ndarray
    control_e1: np.ndarray
    control_e2: np.ndarray
    psnr: np.ndarray


def write_synthesis(
    path: str | Path,
    schema: str,
    attributes: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
) -> None:
    """Write a file of either layout, whole or not at all, with equal bytes for equal arguments."""
    with writing(path, schema, attributes) as file:
        for name in sorted(arrays):
            values = arrays[name]
            if not values.size:
                file.create_dataset(name, data=values)
                continue
            create = create_maps if name in MAPS else create_table
            create(file, name, values.shape, values.dtype)[...] = values


def read_maximisation(path: str | Path) -> Maximisation:
    """Read a file of ``maximise_class``, without its float images.

    Raises
    ------
    UserError
        If it is missing, damaged or of another layout.
    """
    with reading(path, MAXIMISATION) as file:
        about = attribute(file, "class")
        arrays = {name: file[name][...] for name in _arrays(Maximisation)}
        facts = ("network", "objective", "rows", "presets", "snapshot_steps")
        return Maximisation(
            class_index=about["index"],
            class_name=about["name"],
            class_wnid=about["wnid"],
            **{name: attribute(file, name) for name in facts},
            **arrays,
        )


def read_inversion(path: str | Path) -> Inversion:
    """Read a file of ``invert_features``, without its float images.

    Raises
    ------
    UserError
        If it is missing, damaged or of another layout.
    """
    with reading(path, INVERSION) as file:
        facts = ("network", "presets", "images", "compared", "rows")
        return Inversion(
            **{name: attribute(file, name) for name in facts},
            **{name: file[name][...] for name in _arrays(Inversion)},
        )


def _arrays(layout: type) -> list[str]:
    return [name for name, kind in layout.__annotations__.items() if kind is np.ndarray]

"""One tidy table of predictions: a row for every image, network and variant (no torch)."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from convscope.errors import UserError
from convscope.hdf5 import attribute, reading
from convscope.predictions.scores import ranks, softmax, strongest_classes

logger = logging.getLogger(__name__)

FEATURES_SCHEMA = "features/1"
ROWS_AT_ONCE = 512


@dataclass(frozen=True)
class _Codes:
    """Where each name stands in the configured order, which is the order of the rows."""

    sample_sets: dict[str, int]
    variants: dict[str, int]
    networks: dict[str, int]


@dataclass(frozen=True)
class _Rows:
    """Rows of the table as numbers; names are looked up once, when the table is made.

    ``place`` (n, 3): codes of sample set, variant and network. No label: -1, of rank 0.
    """

    images: list[str]
    place: NDArray[np.int32]
    label: NDArray[np.int32]
    label_probability: NDArray[np.float64]
    label_rank: NDArray[np.int32]
    top: NDArray[np.int32]
    top_probability: NDArray[np.float64]


def tabulate_predictions(
    features: Sequence[Mapping[str, str]],
    *,
    labels: Mapping[str, Mapping[str, int | None]],
    label_names: Mapping[str, str],
    class_names: Mapping[str, Sequence[str]],
    sample_sets: Sequence[str],
    variants: Sequence[str],
    networks: Sequence[str],
    top: int = 5,
) -> pd.DataFrame:
    """Tabulate what every network said about every image under every variant.

    Probabilities are the softmax, in float64, of the stored float32 logits. A rank is 1 for the
    best class; equal logits go by lower class index. The logits are read a few hundred rows at a
    time, so memory grows with the rows of the table and not with the number of classes.

    Parameters
    ----------
    features
        The files, each ``{"path", "network", "sample_set"}``.
    labels
        ``{image: {network: class index, or None where the label is no class of that network}}``.
    label_names
        ``{image: the label as the user gave it}``, for messages.
    class_names
        ``{network: names in the order of its logits}``.
    sample_sets, variants, networks
        Every name that occurs, in the order that the rows shall have. Images go by their id.
    top
        How many of the strongest classes get columns.

    Returns
    -------
    pandas.DataFrame
        Columns ``image, sample_set, label, network, variant, predicted, predicted_index,
        probability, label_probability, label_rank, top_1_class, top_1_probability, ...``; null
        where an image has no label in a network or a network has fewer than ``top`` classes.

    Raises
    ------
    UserError
        If a file holds an unconfigured variant, another number of classes, or logits that are not
        finite.
    """
    codes = _Codes(_places(sample_sets), _places(variants), _places(networks))
    blocks: list[_Rows] = []
    for file in features:
        names = class_names[file["network"]]
        blocks.extend(_rows_of_file(file, names, labels, codes, top))
    rows = _sorted(_joined(blocks, top))
    _say_labels_left_out(rows, labels, label_names, networks)
    return _named(rows, (sample_sets, variants, networks), class_names)


def _places(names: Sequence[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(names)}


def _rows_of_file(
    file: Mapping[str, str],
    class_names: Sequence[str],
    labels: Mapping[str, Mapping[str, int | None]],
    codes: _Codes,
    top: int,
) -> Iterator[_Rows]:
    path, network = file["path"], file["network"]
    with reading(path, FEATURES_SCHEMA) as stored:
        ids = np.array(attribute(stored, "images")["ids"], dtype=object)
        for variant in stored["variants"]:
            if variant not in codes.variants:
                raise UserError(
                    f"it holds the variant {variant!r}, which this experiment does not name",
                    where=path,
                    remedy="Delete it and run snakemake again to rebuild it.",
                )
            place = (codes.sample_sets[file["sample_set"]], codes.variants[variant])
            group = stored["variants"][variant]
            for images, logits in _chunks(group, ids):
                _check_logits(logits, images, class_names, f"{path}, {variant}")
                label = [labels.get(image, {}).get(network) for image in images]
                yield _scored(images, logits, label, (*place, codes.networks[network]), top)


def _chunks(
    group: h5py.Group, ids: NDArray[np.object_]
) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    indices = group["image_index"][:]
    for start in range(0, len(indices), ROWS_AT_ONCE):
        chunk = slice(start, start + ROWS_AT_ONCE)
        yield list(ids[indices[chunk]]), group["logits"][chunk]


def _check_logits(
    logits: NDArray[np.float32], images: list[str], class_names: Sequence[str], where: str
) -> None:
    if logits.shape[1] != len(class_names):
        raise UserError(
            f"the network has {logits.shape[1]} outputs, its class list {len(class_names)} names",
            where=where,
            remedy="Set `classes` of this network to the list that it was trained on.",
        )
    bad = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if len(bad):
        raise UserError(
            f"the logits of image {images[bad[0]]!r} are not finite numbers",
            where=where,
            remedy="The weights overflow on this image: use other weights or leave the image out.",
        )


def _scored(
    images: list[str],
    logits: NDArray[np.float32],
    labels: list[int | None],
    place: tuple[int, int, int],
    top: int,
) -> _Rows:
    label = np.array([-1 if index is None else index for index in labels], np.int32)
    probabilities = softmax(logits)
    strongest = strongest_classes(logits, probabilities, top)
    own = np.take_along_axis(probabilities, np.maximum(label, 0)[:, None], axis=1)[:, 0]
    return _Rows(
        images=images,
        place=np.tile(np.array(place, np.int32), (len(images), 1)),
        label=label,
        label_probability=np.where(label >= 0, own, np.nan),
        label_rank=ranks(logits, label),
        top=strongest.indices,
        top_probability=strongest.probabilities,
    )


def _joined(blocks: Sequence[_Rows], top: int) -> _Rows:
    empty = _Rows(
        images=[],
        place=np.empty((0, 3), np.int32),
        label=np.empty(0, np.int32),
        label_probability=np.empty(0),
        label_rank=np.empty(0, np.int32),
        top=np.empty((0, top), np.int32),
        top_probability=np.empty((0, top)),
    )
    blocks = [empty, *blocks]
    arrays = {
        name: np.concatenate([getattr(block, name) for block in blocks])
        for name in _Rows.__dataclass_fields__
        if name != "images"
    }
    return _Rows(images=[image for block in blocks for image in block.images], **arrays)


def _sorted(rows: _Rows) -> _Rows:
    _, image = np.unique(np.array(rows.images, dtype=str), return_inverse=True)
    sample_set, variant, network = rows.place.T
    keys = np.stack([sample_set, image, variant, network])
    order = np.lexsort(keys[::-1])
    repeated = (np.diff(keys[:, order], axis=1) == 0).all(axis=0)
    if repeated.any():
        image_id = rows.images[order[np.flatnonzero(repeated)[0]]]
        raise ValueError(f"image {image_id!r} comes twice for one network and variant")
    arrays = {
        name: getattr(rows, name)[order] for name in _Rows.__dataclass_fields__ if name != "images"
    }
    return _Rows(images=[rows.images[i] for i in order], **arrays)


def _say_labels_left_out(
    rows: _Rows,
    labels: Mapping[str, Mapping[str, int | None]],
    label_names: Mapping[str, str],
    networks: Sequence[str],
) -> None:
    seen = sorted(set(zip(rows.images, rows.place[:, 2].tolist(), strict=True)))
    left_out = [
        (label_names[image], networks[network])
        for image, network in seen
        if image in label_names and labels.get(image, {}).get(networks[network]) is None
    ]
    if left_out:
        texts = sorted({f"{label!r} in {network}" for label, network in left_out})
        shown = ", ".join(texts[:5]) + (", ..." if len(texts) > 5 else "")
        logger.warning(
            "%d labels are no class of the network that saw the image and are null there: %s",
            len(left_out),
            shown,
        )


def _named(
    rows: _Rows,
    orders: tuple[Sequence[str], Sequence[str], Sequence[str]],
    class_names: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    sample_sets, variants, networks = orders
    sample_set, variant, network = rows.place.T
    lists = [class_names[networks[code]] for code in network]

    def names(indices: NDArray[np.int32]) -> pd.api.extensions.ExtensionArray:
        found = [n[i] if i >= 0 else None for n, i in zip(lists, indices, strict=True)]
        return pd.array(found, dtype="string")

    columns = {
        "image": pd.array(rows.images, dtype="string"),
        "sample_set": pd.array([sample_sets[i] for i in sample_set], dtype="string"),
        "label": names(rows.label),
        "network": pd.array([networks[i] for i in network], dtype="string"),
        "variant": pd.array([variants[i] for i in variant], dtype="string"),
        "predicted": names(rows.top[:, 0]),
        "predicted_index": pd.array(rows.top[:, 0], dtype="Int32"),
        "probability": rows.top_probability[:, 0],
        "label_probability": rows.label_probability,
        "label_rank": pd.array([rank or None for rank in rows.label_rank.tolist()], dtype="Int32"),
    }
    for place in range(rows.top.shape[1]):
        columns[f"top_{place + 1}_class"] = names(rows.top[:, place])
        columns[f"top_{place + 1}_probability"] = rows.top_probability[:, place]
    return pd.DataFrame(columns)

"""The images that excite each channel most, over all batches (Zeiler & Fergus, 2013, Fig. 2).

Each batch is ranked by itself, then the batches are merged; needs no torch. Memory grows with
channels x 9, not with images.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np

from convscope.deconvnet.units import TOP, Ranking, Units, read_units, write_units
from convscope.errors import UserError
from convscope.hdf5 import attribute, reading
from convscope.progress import progress
from convscope.variants.definitions import NORMAL

LOGGER = logging.getLogger(__name__)
FEATURES_SCHEMA = "features/1"
BLOCK = 16
"""Images that are read and ranked together."""
NAMED = 5
"""Images that a message names before it only counts."""


def rank_batch(
    features: str | Path, output: str | Path, *, packages: Mapping[str, str], top: int = TOP
) -> None:
    """Write the strongest images of every channel in one batch.

    Images without the normal variant are left out, and named in the log.

    Parameters
    ----------
    features
        The batch's features.h5.
    output
        The batch's units.h5.
    packages
        Versions of what makes it.
    top
        Images a channel.

    Raises
    ------
    UserError
        If the file is missing, damaged or of another layout, or a peak is NaN.
    """
    with reading(features, FEATURES_SCHEMA) as file:
        layers = attribute(file, "layers")
        images = attribute(file, "images")
        group = file.get(f"variants/{NORMAL}")
        chosen = [] if group is None else group["image_index"][:].tolist()
        _log_left_out(images["ids"], chosen)
        ranking = no_ranking(sum(layer["channels"] for layer in layers), top)
        for start in range(0, len(chosen), BLOCK):
            rows = slice(start, start + BLOCK)
            ids, digests = (
                tuple(images[name][place] for place in chosen[rows])
                for name in ("ids", "pixel_sha256")
            )
            value, position = _peaks(group, rows)
            _refuse_nan(value, layers, ids, features)
            places = np.broadcast_to(np.arange(len(ids)), value.shape)
            ranking = merged(ranking, Ranking(value, places, position, ids, digests), top)
        units = Units(attribute(file, "network"), layers, ranking)
    write_units(output, units, packages)
    LOGGER.info("%d images ranked by %d channels", len(chosen), len(ranking.value))


def merge_ranks(
    paths: Sequence[str | Path],
    output: str | Path,
    *,
    packages: Mapping[str, str],
    top: int = TOP,
) -> None:
    """Write the strongest images of every channel over all batches of a network.

    The answer does not depend on how images were cut into batches, nor on their order: what is
    kept of two batches together is what is kept of all their images.

    Parameters
    ----------
    paths
        The units.h5 of the batches, at least one.
    output
        The units.h5 of all.
    packages
        Versions of what makes it.
    top
        Images a channel.

    Raises
    ------
    UserError
        If batches were made with other layers or weights, or give one id to two images.
    """
    first, total = None, None
    for path in progress(list(paths), LOGGER, what="batches", total=len(paths)):
        units = read_units(path)
        if first is None or total is None:
            first = units
            total = no_ranking(len(units.ranking.value), top)
        _refuse_another_network(units, first, path)
        _refuse_another_image(units.ranking, total, path)
        total = merged(total, units.ranking, top)
    if first is None or total is None:
        raise ValueError("there is no batch to merge")
    write_units(output, Units(first.network, first.layers, total), packages)
    LOGGER.info("%d channels excited most by %d images", len(total.value), len(total.ids))


def no_ranking(channels: int, top: int = TOP) -> Ranking:
    """Return the ranking of no image."""
    shape = (channels, top)
    return Ranking(
        np.zeros(shape, np.float32),
        np.full(shape, -1, np.int32),
        np.zeros((*shape, 2), np.int16),
        (),
        (),
    )


def merged(first: Ranking, second: Ranking, top: int = TOP) -> Ranking:
    """Return the ranking of the images of two rankings.

    The stronger image comes first, the smaller id among equals; of images with the same pixels
    the first in this order stays. So it does not matter in which order rankings are merged.

    Parameters
    ----------
    first, second
        Of the same channels; their columns may stand in any order.
    top
        Images a channel.
    """
    digests = dict(zip(first.ids, first.pixel_sha256, strict=True))
    digests |= dict(zip(second.ids, second.pixel_sha256, strict=True))
    ids = tuple(sorted(digests))
    places = {image: place for place, image in enumerate(ids)}
    image = np.concatenate([_renumbered(part, places) for part in (first, second)], 1)
    value = np.concatenate([first.value, second.value], 1)
    position = np.concatenate([first.position, second.position], 1)
    missing = image < 0
    order = np.lexsort((image, np.where(missing, 0, -value), missing), axis=1)
    image = np.take_along_axis(image, order, 1)
    out = np.take_along_axis(missing, order, 1)
    if len(set(digests.values())) < len(first.ids) + len(second.ids):
        out |= _repeated(image, [digests[name] for name in ids])
    # What stays comes first, in its order.
    kept = np.argsort(out, axis=1, kind="stable")[:, :top]
    order = np.take_along_axis(order, kept, 1)
    out = np.take_along_axis(out, kept, 1)
    return _pruned(
        np.where(out, 0, np.take_along_axis(value, order, 1)),
        np.where(out, -1, np.take_along_axis(image, kept, 1)),
        np.where(out[..., None], 0, np.take_along_axis(position, order[..., None], 1)),
        {name: digests[name] for name in ids},
    )


def _renumbered(ranking: Ranking, places: Mapping[str, int]) -> np.ndarray:
    """Return a ranking's images by their places among other ids."""
    # The last entry is that of -1, no image.
    return np.array([*(places[name] for name in ranking.ids), -1])[ranking.image]


def _repeated(image: np.ndarray, digests: Sequence[str]) -> np.ndarray:
    """Return where a channel holds pixels that stand further left too, boolean like ``image``."""
    groups = np.append(np.unique(np.array(digests), return_inverse=True)[1], -1)[image]
    order = np.argsort(groups, axis=1, kind="stable")
    ordered = np.take_along_axis(groups, order, 1)
    again = np.zeros(image.shape, bool)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    found = np.empty_like(again)
    np.put_along_axis(found, order, again, 1)
    return found


def _pruned(
    value: np.ndarray, image: np.ndarray, position: np.ndarray, digests: Mapping[str, str]
) -> Ranking:
    """Return a ranking that knows the images that appear in it, and no others.

    ``digests`` are those of all images, in the order of their numbers.
    """
    used = np.unique(image[image >= 0])
    numbers = np.full(len(digests) + 1, -1)
    numbers[used] = np.arange(len(used))
    ids = list(digests)
    names = tuple(ids[place] for place in used)
    return Ranking(
        value.astype(np.float32),
        numbers[image].astype(np.int32),
        position.astype(np.int16),
        names,
        tuple(digests[name] for name in names),
    )


def _peaks(group: h5py.Group, rows: slice) -> tuple[np.ndarray, np.ndarray]:
    """Return values ``(K, n)`` and positions ``(K, n, 2)`` of some of the batch's images."""
    # Adding zero leaves no negative zero, whose bytes would depend on nothing a user can see.
    values = group["peak_value"][rows].T + np.float32(0)
    return values, group["peak_position"][rows].transpose(1, 0, 2)


def _refuse_nan(
    value: np.ndarray,
    layers: Sequence[Mapping[str, int]],
    ids: Sequence[str],
    path: str | Path,
) -> None:
    wrong = np.argwhere(np.isnan(value))
    for channel, place in wrong[:1]:
        layer = next(entry for entry in reversed(layers) if entry["offset"] <= channel)
        raise UserError(
            f"the peak of channel {channel - layer['offset']} is NaN",
            where=f"{path}, layer {layer['name']}, image {ids[place]}",
            remedy="The weights or the preprocessing do not fit this network: check both.",
        )


def _refuse_another_network(units: Units, first: Units, path: str | Path) -> None:
    differs = None
    if units.network["weights_sha256"] != first.network["weights_sha256"]:
        differs = "other weights"
    elif list(units.layers) != list(first.layers):
        differs = "another layer table"
    if differs:
        raise UserError(
            f"it was made with {differs} than the other batches",
            where=str(path),
            remedy="Delete it and run snakemake again to rebuild it.",
        )


def _refuse_another_image(ranking: Ranking, known: Ranking, path: str | Path) -> None:
    digests = dict(zip(known.ids, known.pixel_sha256, strict=True))
    for image, digest in zip(ranking.ids, ranking.pixel_sha256, strict=True):
        if digests.get(image, digest) != digest:
            raise UserError(
                f"image {image} has other pixels here than in another batch",
                where=str(path),
                remedy="Give different images different ids in the sample sheet.",
            )


def _log_left_out(ids: Sequence[str], chosen: Sequence[int]) -> None:
    out = [ids[place] for place in sorted(set(range(len(ids))).difference(chosen))]
    if out:
        named = ", ".join(out[:NAMED]) + (", ..." if len(out) > NAMED else "")
        LOGGER.info("left out, without the normal variant: %d images (%s)", len(out), named)

"""The file scores.h5: curves of a batch's maps, projections, object or context; needs no torch."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from convscope.errors import UserError
from convscope.hdf5 import attribute, create_maps, create_table, reading, set_attribute, writing

SCHEMA = "occlusion_scores/1"
ORDERS = ("map", "random")
"""Pixels by the map, and in the seeded random order that stands beside it."""
WAYS = ("deletion", "insertion")
NONE = -1
"""Stands for no class."""


@dataclass(frozen=True, eq=False)
class ImageScores:
    """What was measured of one image.

    Parameters
    ----------
    curves
        The probability of the class that the maps are of, by ``ORDERS`` and ``WAYS``,
        ``(2, 2, n)``; None where no curves were asked for.
    probabilities
        Of label and clean top class, of the image as it is, without its object, and on another
        background, ``(3, 2)``; NaN where there is no such image or label.
    answers
        The most probable class of each, ``(3,)``; -1 where there is no such image.
    object_class, cue_class, replaced_cue
        Indices of the object's class and of the classes that the context cue ties to the background
        and to the other one; -1 where there is none, or the network does not have it.
    """

    curves: np.ndarray | None
    probabilities: np.ndarray
    answers: np.ndarray
    object_class: int
    cue_class: int
    replaced_cue: int


@dataclass(frozen=True, eq=False)
class Feature:
    """The strongest feature map, projected to the pixels (Zeiler & Fergus' Fig. 7c).

    Parameters
    ----------
    pixels
        float32 ``(3, H, W)``; zero where nothing arrives.
    words
        Why there is nothing to see; None where there is.
    """

    pixels: np.ndarray
    words: str | None


@dataclass(frozen=True, eq=False)
class Scores:
    """What a file holds: the share of pixels at each place of a curve, and all images by id."""

    shares: np.ndarray | None
    images: Mapping[str, ImageScores]


PLACES = ("object_class", "cue_class", "replaced_cue")


@contextmanager
def writing_scores(
    path: str | Path,
    shares: np.ndarray | None,
    size: tuple[int, int],
    attributes: Mapping[str, Any],
) -> Iterator["ScoresWriter"]:
    """Yield a writer for a new scores.h5, which appears whole when the block ends, or not at all.

    Parameters
    ----------
    path
        The final name.
    shares
        Of pixels, ``(n,)``, from 0 to 1; None without curves.
    size
        Height and width of the images.
    attributes
        Plain values; ``images`` with ``ids`` among them.

    Raises
    ------
    ValueError
        If not as many scores as ids were added.
    """
    ids = attributes["images"]["ids"]
    count = len(ids)
    about = dict(attributes) | {"shares": None if shares is None else shares.tolist()}
    with writing(path, SCHEMA, about) as file:
        if shares is not None:
            create_table(file, "curves", (count, len(ORDERS), len(WAYS), len(shares)), np.float32)
        create_table(file, "probabilities", (count, 3, 2), np.float32)
        create_table(file, "answers", (count, 3), np.int32)
        for name in PLACES:
            create_table(file, name, (count,), np.int32)
        # Scaled by their largest value: their own may be beyond the range of float16.
        create_maps(file, "projections", (count, 3, *size), np.float16)
        create_table(file, "projection_scales", (count,), np.float32)
        writer = ScoresWriter(file)
        yield writer
        if len(writer.words) != count:
            raise ValueError(f"scores of {len(writer.words)} images were added for {count} ids")
        set_attribute(file, "projection_words", writer.words)


class ScoresWriter:
    """Takes the scores of one image after the other."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self.words: list[str | None] = []

    def add(self, scores: ImageScores, feature: Feature) -> None:
        """Write the scores of the next image."""
        row = len(self.words)
        if scores.curves is not None:
            self._file["curves"][row] = scores.curves
        for name in ("probabilities", "answers", *PLACES):
            self._file[name][row] = getattr(scores, name)
        largest = float(np.abs(feature.pixels).max())
        self._file["projections"][row] = feature.pixels / (largest or 1.0)
        self._file["projection_scales"][row] = largest
        self.words.append(feature.words)


def read_scores(path: str | Path) -> Scores:
    """Read a file that ``writing_scores`` made.

    Raises
    ------
    UserError
        If the file is missing, damaged or of another layout.
    """
    with reading(path, SCHEMA) as file:
        ids, shares = attribute(file, "images")["ids"], attribute(file, "shares")
        curves = [None] * len(ids) if shares is None else file["curves"][:]
        probabilities, answers = file["probabilities"][:], file["answers"][:]
        places = {name: file[name][:].tolist() for name in PLACES}
    images = {
        image: ImageScores(
            curves[row],
            probabilities[row].astype(np.float64),
            answers[row],
            **{name: values[row] for name, values in places.items()},
        )
        for row, image in enumerate(ids)
    }
    return Scores(None if shares is None else np.array(shares), images)


def read_feature(path: str | Path, image: str) -> Feature:
    """Read the projection of one image.

    Raises
    ------
    UserError
        If the file is missing, damaged or of another layout, or lacks the image.
    """
    with reading(path, SCHEMA) as file:
        ids = attribute(file, "images")["ids"]
        if image not in ids:
            raise _missing(image, path)
        row = ids.index(image)
        pixels = file["projections"][row].astype(np.float32) * file["projection_scales"][row]
        return Feature(pixels, attribute(file, "projection_words")[row])


def scores_of(scores: Scores, image: str, path: str | Path) -> ImageScores:
    """Return the scores of an image.

    Raises
    ------
    UserError
        If there are none.
    """
    if image not in scores.images:
        raise _missing(image, path)
    return scores.images[image]


def _missing(image: str, path: str | Path) -> UserError:
    return UserError(
        f"there is no image {image!r} in it",
        where=str(path),
        remedy="Run snakemake again, so that the scores are made anew.",
    )

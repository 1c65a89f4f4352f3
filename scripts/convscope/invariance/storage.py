"""The file invariance.h5, schema ``invariance/1``; needs no torch.

For N images, L layers, A amounts of a transform and P pairs of unrelated images:
``transforms/<name>/`` holds ``distance``, ``relative_distance``, ``cosine_similarity`` (N, A, L),
``label_probability``, ``clean_class_probability``, ``predicted`` (N, A); ``clean/`` of the images
themselves ``norm`` (N, L), both probabilities and ``predicted`` (N,); ``reference/`` ``pairs``
(P, 2) and the three comparisons (P, L). Classes and pairs are int32, all else is float64.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np

from convscope.hdf5 import attribute, create_table, reading, set_attribute, writing
from convscope.images.store import ImageBatch
from convscope.invariance.transforms import Transform, transform_from

SCHEMA = "invariance/1"
COMPARISONS = ("distance", "relative_distance", "cosine_similarity")
PROBABILITIES = ("label_probability", "clean_class_probability")


class Measures(Protocol):
    """What was measured on one image; see ``convscope.invariance.engine.ImageMeasures``."""

    image: int
    squared_distance: np.ndarray
    squared_norm: np.ndarray
    label_probability: np.ndarray
    clean_class_probability: np.ndarray
    predicted: np.ndarray


@dataclass(frozen=True, eq=False)
class Curves:
    """One transform of N images, A amounts and L layers; arrays as in the file."""

    transform: Transform
    distance: np.ndarray
    relative_distance: np.ndarray
    cosine_similarity: np.ndarray
    label_probability: np.ndarray
    clean_class_probability: np.ndarray
    predicted: np.ndarray

    @property
    def probability(self) -> np.ndarray:
        """Of the label; of the image's own top-1 class where there is no label, ``(N, A)``."""
        missing = np.isnan(self.label_probability)
        return np.where(missing, self.clean_class_probability, self.label_probability)


@dataclass(frozen=True, eq=False)
class Invariance:
    """All that a file holds.

    Parameters
    ----------
    ids, pixel_sha256
        N images.
    labels
        The class index of each, or None.
    layers
        L dicts with name, common_name, kind, shape and role.
    fill
        What came into view.
    classes
        The number of the network's classes.
    curves
        One a transform.
    clean_norm
        ``(N, L)``.
    clean_class, clean_class_probability, clean_label_probability
        ``(N,)``: what the network says about the images themselves.
    reference_pairs
        ``(P, 2)`` places of unrelated images.
    reference_distance, reference_relative_distance, reference_cosine_similarity
        ``(P, L)``; relative to the mean of the pair's norms.
    """

    ids: tuple[str, ...]
    pixel_sha256: tuple[str, ...]
    labels: tuple[int | None, ...]
    layers: tuple[Mapping[str, Any], ...]
    fill: str
    classes: int
    curves: tuple[Curves, ...]
    clean_norm: np.ndarray
    clean_class: np.ndarray
    clean_class_probability: np.ndarray
    clean_label_probability: np.ndarray
    reference_pairs: np.ndarray
    reference_distance: np.ndarray
    reference_relative_distance: np.ndarray
    reference_cosine_similarity: np.ndarray


class InvarianceWriter:
    """Writes images as they are measured, in any order."""

    def __init__(self, file: h5py.File, names: Sequence[str]) -> None:
        self._file = file
        self._names = names
        self._norms = file["clean/norm"]

    def add(self, measures: Measures, places: Sequence[np.ndarray]) -> None:
        """Write one image; ``places[t][a]`` is the row of transform t's amount a."""
        squared_norm = measures.squared_norm
        found = compared(measures.squared_distance, squared_norm, squared_norm[:1])
        found |= {name: getattr(measures, name) for name in (*PROBABILITIES, "predicted")}
        for name, rows in zip(self._names, places, strict=True):
            for column, values in found.items():
                self._file[f"transforms/{name}/{column}"][measures.image] = values[rows]
        for column in (*PROBABILITIES, "predicted"):
            self._file[f"clean/{column}"][measures.image] = found[column][0]
        self._norms[measures.image] = np.sqrt(squared_norm[0])

    def finish(self, reference: Mapping[tuple[int, int], np.ndarray], classes: int) -> None:
        """Write squared distances ``(L,)`` between pairs of images, when all images are in."""
        set_attribute(self._file, "classes", classes)
        pairs = np.array(sorted(reference), np.int32).reshape(-1, 2)
        squares = np.array([reference[pair] for pair in sorted(reference)])
        squares = squares.reshape(len(pairs), self._norms.shape[1])
        norms = self._norms[:] ** 2
        found = compared(squares, norms[pairs[:, 0]], norms[pairs[:, 1]], symmetric=True)
        for name, values in {"pairs": pairs, **found}.items():
            self._file.create_dataset(f"reference/{name}", data=values, fletcher32=len(pairs) > 0)


@contextmanager
def writing_invariance(
    path: str | Path,
    *,
    images: ImageBatch,
    layers: Sequence[Mapping[str, Any]],
    transforms: Sequence[Transform],
    fill: str,
    labels: Sequence[int | None],
    attributes: Mapping[str, Any],
) -> Iterator[InvarianceWriter]:
    """Yield a writer for a new file, which appears whole when the block ends, or not at all."""
    facts = {
        **attributes,
        "images": {
            "ids": list(images.ids),
            "source_sha256": list(images.source_sha256),
            "pixel_sha256": list(images.pixel_sha256),
        },
        "labels": list(labels),
        "layers": [dict(layer) for layer in layers],
        "transforms": [transform.settings for transform in transforms],
        "fill": fill,
    }
    count, width = len(images.ids), len(layers)
    with writing(path, SCHEMA, facts) as file:
        for transform in transforms:
            shape = (count, len(transform.amounts))
            group = file.create_group(f"transforms/{transform.name}")
            for name in COMPARISONS:
                create_table(group, name, (*shape, width), np.float64)
            for name in PROBABILITIES:
                create_table(group, name, shape, np.float64)
            create_table(group, "predicted", shape, np.int32)
        clean = file.create_group("clean")
        create_table(clean, "norm", (count, width), np.float64)
        for name in PROBABILITIES:
            create_table(clean, name, (count,), np.float64)
        create_table(clean, "predicted", (count,), np.int32)
        yield InvarianceWriter(file, [transform.name for transform in transforms])


def read_invariance(path: str | Path) -> Invariance:
    """Read a file that ``measure_invariance`` wrote.

    Raises
    ------
    UserError
        If it is missing, damaged or of another layout.
    """
    with reading(path, SCHEMA) as file:
        images = attribute(file, "images")
        columns = (*COMPARISONS, *PROBABILITIES, "predicted")
        curves = []
        for entry in attribute(file, "transforms"):
            group = file[f"transforms/{entry['name']}"]
            arrays = {name: group[name][:] for name in columns}
            curves.append(Curves(transform_from(entry), **arrays))
        return Invariance(
            ids=tuple(images["ids"]),
            pixel_sha256=tuple(images["pixel_sha256"]),
            labels=tuple(attribute(file, "labels")),
            layers=tuple(attribute(file, "layers")),
            fill=attribute(file, "fill"),
            classes=attribute(file, "classes"),
            curves=tuple(curves),
            clean_norm=file["clean/norm"][:],
            clean_class=file["clean/predicted"][:],
            clean_class_probability=file["clean/clean_class_probability"][:],
            clean_label_probability=file["clean/label_probability"][:],
            reference_pairs=file["reference/pairs"][:],
            **{f"reference_{name}": file[f"reference/{name}"][:] for name in COMPARISONS},
        )


def compared(
    squared_distance: np.ndarray,
    squared_norm: np.ndarray,
    clean_squared_norm: np.ndarray,
    *,
    symmetric: bool = False,
) -> dict[str, np.ndarray]:
    """Return distance, relative distance and cosine similarity.

    The cosine follows from a.b = (|a|^2 + |b|^2 - |a - b|^2) / 2. Where a norm is zero, relative
    distance and cosine are undefined: NaN.

    Parameters
    ----------
    squared_distance, squared_norm, clean_squared_norm
        Arrays that broadcast.
    symmetric
        Relative to the mean of both norms rather than to the clean one.
    """
    distance, norm, clean = (
        np.sqrt(part) for part in (squared_distance, squared_norm, clean_squared_norm)
    )
    scale = (norm + clean) / 2 if symmetric else clean + np.zeros_like(norm)
    product = (squared_norm + clean_squared_norm - squared_distance) / 2
    lengths = norm * clean
    undefined = np.full(distance.shape, np.nan)
    return {
        "distance": distance,
        "relative_distance": np.divide(distance, scale, out=undefined.copy(), where=scale > 0),
        "cosine_similarity": np.divide(product, lengths, out=undefined, where=lengths > 0).clip(
            -1, 1
        ),
    }

"""The measures of a network on a set of images, put together from the files of its batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from convscope.errors import UserError
from convscope.invariance.storage import Curves, Invariance, read_invariance


@dataclass(frozen=True, eq=False)
class NetworkCurves:
    """What one network made of all images of one sample set."""

    network: str
    sample_set: str
    measured: Invariance


def gather_curves(files: Sequence[Mapping[str, str]]) -> list[NetworkCurves]:
    """Read all files and join those of one network and sample set, in order of first appearance.

    Parameters
    ----------
    files
        Each ``{"path", "network", "sample_set"}``.

    Raises
    ------
    UserError
        If a file is damaged, or files of one network differ in layers, transforms or fill.
    """
    groups: dict[tuple[str, str], list[Mapping[str, str]]] = {}
    for file in files:
        groups.setdefault((file["network"], file["sample_set"]), []).append(file)
    return [
        NetworkCurves(
            network,
            sample_set,
            joined([read_invariance(f["path"]) for f in members], [f["path"] for f in members]),
        )
        for (network, sample_set), members in groups.items()
    ]


def joined(parts: Sequence[Invariance], paths: Sequence[str]) -> Invariance:
    """Return several batches as one; ``paths`` are for messages."""
    first = parts[0]
    for part, path in zip(parts, paths, strict=True):
        if _kind_of(part) != _kind_of(first):
            raise UserError(
                f"its layers, transforms or fill are not those of {paths[0]}",
                where=str(path),
                remedy="Delete it and run snakemake again to rebuild it.",
            )
    offsets = np.cumsum([0, *(len(part.ids) for part in parts[:-1])])
    pairs = [part.reference_pairs + at for part, at in zip(parts, offsets, strict=True)]
    plain = [name for name, value in vars(first).items() if isinstance(value, np.ndarray)]
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in plain}
    return replace(
        first,
        ids=tuple(i for part in parts for i in part.ids),
        pixel_sha256=tuple(i for part in parts for i in part.pixel_sha256),
        labels=tuple(label for part in parts for label in part.labels),
        curves=tuple(
            _joined_curves([part.curves[place] for part in parts])
            for place in range(len(first.curves))
        ),
        **{**arrays, "reference_pairs": np.concatenate(pairs)},
    )


def _joined_curves(parts: Sequence[Curves]) -> Curves:
    first = parts[0]
    names = [name for name in vars(first) if name != "transform"]
    return replace(
        first, **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    )


def _kind_of(part: Invariance) -> tuple:
    return part.layers, tuple(curves.transform for curves in part.curves), part.fill, part.classes

"""Compares the layers of transformed images with those of the image itself, on the device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

PARTNERS = 5
"""To how many of the images before it an image is compared, for the reference."""


@dataclass(frozen=True)
class Segment:
    """Rows of a batch that are of one image: ``start`` to ``stop``, exclusive.

    ``image`` tells images apart. Where the segment is ``fresh`` its first row is the image itself.
    """

    image: int
    start: int
    stop: int
    fresh: bool


class Comparison:
    """Takes each layer's output as it is computed and keeps only sums.

    What stays on the device between batches are the layers of the last ``PARTNERS`` images,
    however many amounts and images there are. A batch that fails half-way leaves no trace.

    Parameters
    ----------
    layers
        Their names, L of them.
    unrelated
        Whether two images may serve as the reference for each other.
    """

    def __init__(self, layers: Sequence[str], unrelated: Callable[[int, int], bool]) -> None:
        self._layers = list(layers)
        self._unrelated = unrelated
        self._accepted: dict[str, dict[int, Tensor]] = {layer: {} for layer in layers}
        self._clean: dict[str, dict[int, Tensor]] = {}
        self.segments: Sequence[Segment] = ()
        self._sums: dict[str, tuple[Tensor, Tensor]] = {}
        self._pairs: dict[tuple[int, int], dict[str, Tensor]] = {}

    def expect(self, segments: Sequence[Segment]) -> None:
        """Say which rows the next batch has, or the one before, tried again with fewer."""
        self.segments = segments
        self._clean = {layer: dict(kept) for layer, kept in self._accepted.items()}
        self._sums.clear()
        self._pairs.clear()

    def __call__(self, layer: str, output: Tensor) -> None:
        """Take a layer's output ``(n, C, H, W)`` or ``(n, C)`` of the batch."""
        distances, norms = [], []
        for segment in self.segments:
            rows = output[segment.start : segment.stop]
            if segment.fresh:
                self._keep(layer, segment.image, rows[0])
            clean = self._clean[layer][segment.image]
            distances.append(squared_distances(rows, clean))
            norms.append(squared_norms(rows))
        self._sums[layer] = torch.cat(distances), torch.cat(norms)

    def sums(self) -> tuple[Tensor, Tensor]:
        """Return squared distances and squared norms ``(n, L)`` in float64: the batch is done."""
        columns = [self._sums[layer] for layer in self._layers]
        found = torch.stack([c[0] for c in columns], 1), torch.stack([c[1] for c in columns], 1)
        self._accepted = self._clean
        return found

    def pairs(self) -> dict[tuple[int, int], Tensor]:
        """Return squared distances ``(L,)`` between unrelated images that the batch completed."""
        return {
            pair: torch.stack([found[layer] for layer in self._layers])
            for pair, found in self._pairs.items()
        }

    def _keep(self, layer: str, image: int, row: Tensor) -> None:
        kept = self._clean[layer]
        for earlier, features in kept.items():
            if self._unrelated(earlier, image):
                found = self._pairs.setdefault((earlier, image), {})
                found[layer] = squared_distances(row[None], features)[0]
        # A later in-place operation would write into the output itself.
        kept[image] = row.clone()
        for old in list(kept)[:-PARTNERS]:
            del kept[old]


def squared_distances(rows: Tensor, clean: Tensor) -> Tensor:
    """Return the squared Euclidean distance of each of rows ``(n, ...)`` to ``(...)``, float64.

    torch adds float32 in a cascade, which errs by 1e-7 where ``vector_norm`` errs by 1e-4 on a
    CPU. There one row at a time stays in the caches.
    """
    if rows.device.type != "cpu":
        return (rows - clean).square_().sum(dim=tuple(range(1, rows.dim()))).double()
    return torch.stack([(row - clean).square_().sum() for row in rows]).double()


def squared_norms(rows: Tensor) -> Tensor:
    """Return the squared Euclidean norm of each of rows ``(n, ...)``, float64."""
    if rows.device.type != "cpu":
        return rows.square().sum(dim=tuple(range(1, rows.dim()))).double()
    return torch.stack([row.square().sum() for row in rows]).double()

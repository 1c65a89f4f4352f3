"""Layers' codes of a run's images: how far apart they lie, and which other image comes nearest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from convscope.deconvnet.program import Program
from convscope.synthesis.forward import ForwardPass

AT_ONCE = 4
BACKWARD = 2.5
"""Memory of a forward and backward pass in units of the activations of the forward pass."""


@dataclass(frozen=True, eq=False)
class LayerCodes:
    """One layer's codes of the images that are inverted, and what the others' are.

    Parameters
    ----------
    codes
        ``Phi0`` of each image, ``(C, H, W)`` or ``(C,)``.
    norms
        ``|Phi0|`` of each.
    mean_distance
        The mean distance between the codes of different images; NaN if there is one image only.
    nearest
        The place of the other image whose code is nearest; -1 if there is none.
    nearest_distance
        How near it is.
    """

    codes: list[torch.Tensor]
    norms: np.ndarray
    mean_distance: float
    nearest: np.ndarray
    nearest_distance: np.ndarray


@torch.no_grad()
def codes_of(
    program: Program,
    layer: str,
    inputs: torch.Tensor,
    digests: Sequence[str],
    count: int,
) -> LayerCodes:
    """Compute one layer's codes and compare them.

    Parameters
    ----------
    program
        Of the network.
    layer
        The layer's name.
    inputs
        Normalised images, ``(N, 3, H, W)``.
    digests
        Of the images' pixels: equal images are not compared.
    count
        How many, from the first, will be inverted.
    """
    place = program.index(layer)
    parts = [
        ForwardPass(program, [place] * len(part))(part)[place] for part in inputs.split(AT_ONCE)
    ]
    codes = torch.cat(parts)
    flat = codes.flatten(1)
    distances = torch.stack([(flat - one).norm(dim=1) for one in flat]).double().cpu().numpy()
    names = np.array(digests[: len(codes)])
    different = names[:, None] != names[None, :]
    others = np.where(different, distances, np.inf)[:count]
    nearest = others.argmin(1)
    near = others[np.arange(len(others)), nearest]
    return LayerCodes(
        codes=list(codes[:count].clone()),
        norms=flat[:count].norm(dim=1).double().cpu().numpy(),
        mean_distance=float(distances[different].mean()) if different.any() else float("nan"),
        nearest=np.where(np.isfinite(near), nearest, -1),
        nearest_distance=np.where(np.isfinite(near), near, np.nan),
    )


@torch.no_grad()
def row_bytes(program: Program, image: torch.Tensor) -> list[float]:
    """Return for each step roughly the bytes that a row fills which ends there.

    Parameters
    ----------
    image
        Normalised, ``(1, 3, H, W)``.
    """
    steps = range(len(program.steps))
    outputs = ForwardPass(program, [len(steps) - 1], steps)(image)
    sizes = [outputs[place].nbytes if place in outputs else 0 for place in steps]
    below = [{place} for place in steps]
    for place in steps:
        for source in program.steps[place].sources:
            below[place] |= below[source]
    return [BACKWARD * sum(sizes[p] for p in below[place]) for place in steps]

"""Images made from a layer's code: what the network kept (Mahendran & Vedaldi, 2015)."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from convscope.deconvnet.program import Program, program_of
from convscope.deconvnet.receptive_fields import ReceptiveFields
from convscope.errors import UserError
from convscope.images.store import ImageBatch
from convscope.synthesis.batches import Finished, Resuming, batches_within, synthesise
from convscope.synthesis.codes import LayerCodes, codes_of, row_bytes
from convscope.synthesis.loop import Canvas
from convscope.synthesis.measures import psnr, shown_pixels
from convscope.synthesis.objectives import FeatureCode
from convscope.synthesis.settings import at_depth
from convscope.synthesis.state import Row, State
from convscope.synthesis.storage import INVERSION, write_synthesis
from convscope.variants.network_input import network_input

LOGGER = logging.getLogger(__name__)
SIDE = 224
"""Of most networks' images, in pixels: weights follow what a layer's units see of it."""
MOST_COMPARED = 16
"""Images whose codes are compared: the codes of a bottom layer fill 13 MB an image."""


@dataclass(frozen=True)
class Wanted:
    """What a row is made from: a layer, its place in the network, and which image."""

    layer: str
    place: int
    image: int


def invert_features(
    network: nn.Module,
    images: ImageBatch,
    output: str | Path,
    *,
    ids: Sequence[str],
    layers: Mapping[str, str],
    presets: Mapping[str, Mapping[str, Any]],
    seed: int,
    mean: Sequence[float],
    std: Sequence[float],
    device: torch.device,
    memory: float = 4e9,
    resuming: Resuming | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Invert layers' codes of some images and write the images with their errors.

    Parameters
    ----------
    network
        In eval mode, on ``device``.
    images
        The run's prepared images; their mean distance is the unit of E2, and the best of the
        others' own codes the control.
    output
        The file, schema ``inversion/1`` (see ``convscope.synthesis.storage``).
    ids
        The images to invert.
    layers
        Common names by the layers' names.
    presets
        Settings by name, as ``convscope.synthesis.settings.preset_settings`` returns them.
    seed
        Of the noise, which also belongs to image, layer and preset.
    mean, std
        Of the network's transform, RGB in [0, 1].
    device
        Where the network lies.
    memory
        Bytes that a batch may fill, roughly; the fewer the batches, the faster.
    resuming
        Where checkpoints lie; without it a killed run starts anew.
    attributes
        More facts for the file: ``network``, ``packages``.

    Raises
    ------
    UserError
        If an image or layer is unknown, or if a code is zero everywhere.
    """
    images = _inverted_first(images, ids)
    height, width = images.pixels.shape[2:]
    canvas = Canvas(mean, std, (height, width), device)
    program = program_of(network.to(memory_format=torch.channels_last), canvas.size)
    rows, wanted = _rows(ReceptiveFields(program, canvas.size), layers, presets, ids, seed)
    rgb = torch.from_numpy(images.pixels).to(device).float().div_(255)
    inputs = network_input(rgb, mean, std)
    codes = {
        layer: codes_of(program, layer, inputs, images.pixel_sha256, len(ids)) for layer in layers
    }
    finished = synthesise(
        rows,
        lambda batch: _objective(program, [wanted[place] for place in batch], codes),
        canvas,
        batches=_batches(rows, program, inputs[:1], wanted, memory),
        resuming=resuming,
        note=_mean_error,
    )
    about = {
        "network": {},
        **(attributes or {}),
        "images": list(ids),
        "compared": list(images.ids),
        "presets": {name: dict(settings) for name, settings in presets.items()},
        "rows": _facts(finished, rows, wanted, codes, images.ids, layers),
        "transform": {"mean": list(mean), "std": list(std)},
    }
    arrays = _arrays(finished, images.pixels[: len(ids)], wanted, codes)
    write_synthesis(output, INVERSION, about, arrays)
    if resuming is not None:
        resuming.remove()


def _inverted_first(images: ImageBatch, ids: Sequence[str]) -> ImageBatch:
    """Return the images to invert, then others, as many as are compared."""
    unknown = [image for image in ids if image not in images.ids]
    if unknown or not ids:
        raise UserError(
            f"there is no image {unknown[0]!r} to invert" if unknown else "no image to invert",
            where="images of this run",
            remedy=f"Choose from {', '.join(images.ids[:10])}.",
        )
    order = list(dict.fromkeys([*ids, *images.ids]))[: max(MOST_COMPARED, len(ids))]
    places = [images.ids.index(image) for image in order]
    return replace(
        images,
        ids=tuple(order),
        pixels=images.pixels[places],
        source_sha256=tuple(images.source_sha256[place] for place in places),
        pixel_sha256=tuple(images.pixel_sha256[place] for place in places),
    )


def _rows(
    fields: ReceptiveFields,
    layers: Mapping[str, str],
    presets: Mapping[str, Mapping[str, Any]],
    ids: Sequence[str],
    seed: int,
) -> tuple[list[Row], list[Wanted]]:
    """Return a row an image, layer (from the bottom up) and preset, and what it is made from."""
    known = [step.layer for step in fields.program.steps if step.layer is not None]
    shares = {layer: seen_share(fields, layer) for layer in layers}
    rows, wanted = [], []
    for image, name in enumerate(ids):
        for layer in sorted(layers, key=known.index):
            place = known.index(layer)
            for preset, settings in presets.items():
                key = {"seed": seed, "image": name, "layer": layer, "preset": preset}
                rows.append(Row(key, at_depth(settings, shares[layer])))
                wanted.append(Wanted(layer, place, image))
    return rows, wanted


def seen_share(fields: ReceptiveFields, layer: str) -> float:
    """Return how much a layer's unit sees of 224 pixels in a row, at most 1; a vector sees all."""
    if fields.map_size(layer) == (1, 1):
        return 1.0
    (height, width), _ = fields.size_and_stride(layer)
    return min(1.0, max(height, width) / SIDE)


def _objective(
    program: Program, wanted: Sequence[Wanted], codes: Mapping[str, LayerCodes]
) -> FeatureCode:
    return FeatureCode(
        program,
        [own.layer for own in wanted],
        [codes[own.layer].codes[own.image] for own in wanted],
    )


def _batches(
    rows: Sequence[Row],
    program: Program,
    image: torch.Tensor,
    wanted: Sequence[Wanted],
    memory: float,
) -> list[list[int]]:
    """Put deep layers first, so that rows leave a pass from the batch's end on its way up."""
    sizes = row_bytes(program, image)
    costs = [sizes[program.index(own.layer)] for own in wanted]
    order = sorted(range(len(rows)), key=lambda place: -wanted[place].place)
    return batches_within(rows, costs, memory, order)


def _mean_error(state: State) -> str:
    errors = state.curves["error"][:, state.iteration - 1]
    return f"mean error {errors[errors.isfinite()].mean():.3f}"


def _facts(
    finished: Finished,
    rows: Sequence[Row],
    wanted: Sequence[Wanted],
    codes: Mapping[str, LayerCodes],
    ids: Sequence[str],
    layers: Mapping[str, str],
) -> list[dict[str, Any]]:
    facts = []
    for number, own in enumerate(wanted):
        nearest = int(codes[own.layer].nearest[own.image])
        about = {
            "common_name": layers[own.layer],
            "place": own.place,
            "control_image": ids[nearest] if nearest >= 0 else None,
        }
        facts.append(finished.facts(rows, number) | about)
    return facts


def _arrays(
    finished: Finished,
    originals: np.ndarray,
    wanted: Sequence[Wanted],
    codes: Mapping[str, LayerCodes],
) -> dict[str, np.ndarray]:
    own = [codes[one.layer] for one in wanted]
    images = [one.image for one in wanted]
    norms, near = (
        np.array([getattr(code, name)[image] for code, image in zip(own, images, strict=True)])
        for name in ("norms", "nearest_distance")
    )
    # Of E1 a root times this is E2: the code's norm over the images' mean distance.
    unit = norms / np.array([code.mean_distance for code in own])
    curve, e1, control = finished.curves["error"], finished.at_shown("error"), (near / norms) ** 2
    shown = shown_pixels(finished.shown)
    return {
        "last": finished.last,
        "best": finished.best,
        "shown": shown,
        "original": originals,
        "e1_curve": curve,
        "e2_curve": (np.sqrt(curve) * unit[:, None]).astype(np.float32),
        "e1": e1,
        "e2": np.sqrt(e1) * unit,
        "control_e1": control,
        "control_e2": np.sqrt(control) * unit,
        "psnr": psnr(shown, originals[images]),
    }

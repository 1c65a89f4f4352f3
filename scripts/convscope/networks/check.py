"""What depends on the weights themselves: one forward pass before anything else is computed."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from convscope.digests import file_sha256, normalised
from convscope.errors import UserError
from convscope.files import write_text
from convscope.networks.architectures import refusal_error
from convscope.networks.build import build_network
from convscope.networks.layers import observing
from convscope.networks.preflight import preflight

LOGGER = logging.getLogger(__name__)
SIZE = 224


def check_network(
    weights: str | Path,
    output: str | Path,
    *,
    architecture: str,
    classes: int,
    preprocessing: Mapping[str, Any],
    layers: Sequence[Mapping[str, Any]],
    reference: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    device: torch.device | str = "cpu",
) -> None:
    """Check that a network runs as planned and write a summary.

    It passes the pre-flight check, and a fixed image gives finite layers of the planned shapes
    and one finite logit a class.

    Parameters
    ----------
    weights
        A converted safetensors file.
    output
        The summary, JSON: ``architecture``, ``classes``, ``layers`` (their number),
        ``layer_table`` (as ``layers`` below), ``parameters`` (their number), ``preprocessing``,
        ``weights_sha256``, ``notes``.
    architecture, classes, reference, device
        As for ``build_network``.
    preprocessing
        The network's own transform; ``mean`` and ``std`` are used here.
    layers
        The planned layers in order: ``name``, ``common_name``, ``kind`` and ``shape``,
        ``(C, H, W)`` or ``(C,)``.
    notes
        Sentences of the plan that belong into the summary.

    Raises
    ------
    UserError
        If anything differs; the message names the layer.
    """
    network = build_network(
        architecture, weights, classes=classes, device=device, reference=reference
    )
    refusals = preflight(network)
    if refusals:
        raise refusal_error(architecture, refusals)
    images = fixed_image(preprocessing["mean"], preprocessing["std"]).to(device)
    planned = {layer["name"]: tuple(layer["shape"]) for layer in layers}
    logits = _observed_logits(network, images, planned, where=str(weights))
    summary = {
        "architecture": architecture,
        "classes": classes,
        "layer_table": [dict(layer) for layer in layers],
        "layers": len(planned),
        "notes": [*notes, *_notes(network, logits)],
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "preprocessing": normalised(dict(preprocessing)),
        "weights_sha256": file_sha256(weights),
    }
    for note in summary["notes"]:
        LOGGER.warning("%s: %s", weights, note)
    write_text(output, json.dumps(summary, indent=2, sort_keys=True) + "\n")


def read_summary(path: str | Path) -> dict[str, Any]:
    """Read what ``check_network`` wrote."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def fixed_image(mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """Return a seeded noise image, normalised, ``(1, 3, 224, 224)``."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand((1, 3, SIZE, SIZE), generator=generator)
    channels = (1, 3, 1, 1)
    return (pixels - torch.tensor(mean).view(channels)) / torch.tensor(std).view(channels)


def _observed_logits(
    network: nn.Module,
    images: torch.Tensor,
    planned: Mapping[str, tuple[int, ...]],
    where: str,
) -> torch.Tensor:
    """Run the network and refuse a layer that is not planned, or not finite."""
    found: list[str] = []

    def check(layer: str, output: torch.Tensor) -> None:
        found.append(layer)
        shape = tuple(output.shape[1:])
        if planned.get(layer) != shape:
            raise UserError(
                f"layer {layer} has shape {shape}, the table says {planned.get(layer)}",
                where=where,
                remedy="Make the table again for the installed torchvision: "
                "python scripts/make_architectures.py.",
            )
        if not torch.isfinite(output).all():
            raise UserError(
                f"layer {layer} is not finite for an ordinary image",
                where=where,
                remedy="Give weights that were trained for this architecture.",
            )

    with torch.inference_mode(), observing(network, check):
        logits = network(images)
    if found != list(planned):
        missing = sorted(set(planned) - set(found)) or found
        raise UserError(
            f"the table's layers are not the network's ({', '.join(missing[:5])})",
            where=where,
            remedy="Make the table again: python scripts/make_architectures.py.",
        )
    return logits


def _notes(network: nn.Module, logits: torch.Tensor) -> list[str]:
    """Return what a user should know of a network that is not refused."""
    notes = []
    if logits.std() == 0:
        notes.append("all logits are equal for a noise image")
    if not any(isinstance(module, nn.ReLU) for module in network.modules()):
        notes.append("the network has no ReLU")
    return notes

"""The table of torchvision's architectures, made from the installed torchvision and compared."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn
from torchvision.models import WeightsEnum

from convscope.files import write_text
from convscope.networks.build import skeleton
from convscope.networks.layers import layer_calls, observing
from convscope.networks.naming import common_names
from convscope.networks.preflight import preflight

DATA_FILES = ("torchvision_weights.tsv",)
CLASSES = 1000
SIZE = 224


def write_table(directory: str | Path) -> list[str]:
    """Write one JSON file for each of torchvision's classification architectures.

    Files of architectures that torchvision no longer has are removed.

    Returns
    -------
    list of str
        The names of the files that changed.
    """
    changed = compare_table(directory)
    for name in changed:
        path = Path(directory) / name
        if path.stem in torchvision_names():
            write_text(path, entry_text(path.stem))
        else:
            path.unlink()
    return changed


def compare_table(directory: str | Path) -> list[str]:
    """Return the names of the files that differ from what the installed torchvision gives."""
    texts = {f"{name}.json": entry_text(name) for name in torchvision_names()}
    found = {path.name: path.read_text(encoding="utf-8") for path in Path(directory).glob("*.json")}
    return sorted(name for name in texts.keys() | found if texts.get(name) != found.get(name))


def torchvision_names() -> list[str]:
    """Return the names of torchvision's classification architectures."""
    return torchvision.models.list_models(module=torchvision.models)


def entry_text(name: str) -> str:
    """Return an architecture's file: JSON with one layer a line."""
    entry = describe_architecture(name)
    lines = []
    for key, value in entry.items():
        if key in ("layers", "refusals") and value:
            items = ",\n".join(f"    {json.dumps(item)}" for item in value)
            lines.append(f'  "{key}": [\n{items}\n  ]')
        elif key == "weights" and value:
            items = ",\n".join(f'    "{enum}": {json.dumps(value[enum])}' for enum in value)
            lines.append(f'  "{key}": {{\n{items}\n  }}')
        else:
            lines.append(f'  "{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def describe_architecture(name: str) -> dict[str, Any]:
    """Return what ``convscope.networks.architectures.load_architecture`` reads.

    A refused architecture has its refusals only.
    """
    network = skeleton(name, classes=CLASSES)
    refusals = preflight(network)
    enums = torchvision.models.get_model_weights(name)
    return {
        "name": name,
        "accepted": not refusals,
        "refusals": refusals,
        "classes": CLASSES,
        "layers": [] if refusals else _layers(name, network),
        "weights": {} if refusals else {enum.name: describe_weights(enum) for enum in enums},
        "default_weights": None if refusals else enums.DEFAULT.name,
    }


def layer_shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """Return each layer's shape, ``(C, H, W)`` or ``(C,)``, for one 224x224 image, in order.

    On the meta device nothing is computed.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    device = next(network.parameters()).device

    def note(layer: str, output: torch.Tensor) -> None:
        shapes[layer] = tuple(output.shape[1:])

    with observing(network, note), torch.no_grad():
        network(torch.zeros(1, 3, SIZE, SIZE, device=device))
    return shapes


def describe_weights(enum: WeightsEnum) -> dict[str, Any]:
    """Return the facts of one of torchvision's weights files and of its transform.

    torchvision itself knows the first digits of the SHA-256, in the file's name; the whole digest
    and the size in bytes are given where they are known.
    """
    file = enum.url.rpartition("/")[2]
    known = _known_files().get(file, {})
    prefix = re.search(r"-([0-9a-f]{8,})\.pth$", file)
    transform = enum.transforms()
    categories = enum.meta["categories"]
    accuracy = enum.meta["_metrics"].get("ImageNet-1K", {})
    return {
        "file": file,
        "sha256": known.get("sha256") or None,
        "sha256_prefix": prefix.group(1) if prefix else None,
        "bytes": int(known["bytes"]) if known.get("bytes") else None,
        "mebibytes": enum.meta["_file_size"],
        "classes": len(categories) if categories else None,
        "resize": transform.resize_size[0],
        "crop": transform.crop_size[0],
        "interpolation": transform.interpolation.value,
        "mean": list(transform.mean),
        "std": list(transform.std),
        "top1": _number(accuracy.get("acc@1")),
        "top5": _number(accuracy.get("acc@5")),
    }


def _layers(name: str, network: nn.Module) -> list[dict[str, Any]]:
    calls = layer_calls(network)
    commons = common_names(name, [(call.layer, call.kind) for call in calls])
    shapes = layer_shapes(network)
    # Which layers count classes shows in a network with one class more.
    others = layer_shapes(skeleton(name, classes=CLASSES + 1))
    return [
        {
            "name": call.layer,
            "common_name": common,
            "kind": call.kind,
            "shape": list(shapes[call.layer]),
            **({"counts_classes": True} if shapes[call.layer] != others[call.layer] else {}),
        }
        for call, common in zip(calls, commons, strict=True)
    ]


def _known_files() -> dict[str, dict[str, str]]:
    path = Path(__file__).with_name(DATA_FILES[0])
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["file"]: row for row in csv.DictReader(stream, delimiter="\t")}


def _number(value: float | None) -> float | None:
    """Return the value, None for NaN (weights that cannot classify)."""
    return None if value is None or value != value else value

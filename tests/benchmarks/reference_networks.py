"""Reference networks and held-out scenes, as the benchmarks of what the methods show use them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measuring import ROOT

# isort: split
import torch
import yaml
from safetensors import safe_open
from torch import nn

from convscope.networks.architectures import Architecture
from convscope.networks.build import build_network
from convscope.networks.reference_layers import reference_architecture
from convscope.networks.train import train_reference
from convscope.networks.training_data import HELD_OUT_START
from convscope.scenes.drawing import Scene, draw_scene
from convscope.scenes.names import SCENE_CLASSES

CPU = torch.device("cpu")
QUICK = {
    "classes": list(SCENE_CLASSES[:2]),
    "widths": [4, 8],
    "hidden": 8,
    "stages": [{"epochs": 2, "crop": 72, "scenes": 32}],
    "held_out": 8,
    "held_out_each_epoch": 4,
    "kept_epochs": [],
    "minimum_accuracy": 0,
}


def default_settings() -> dict[str, Any]:
    """Return the settings of training that the workflow has."""
    settings = yaml.safe_load((ROOT / "config/config.yaml").read_text())["training"]
    return {**settings, "classes": list(SCENE_CLASSES)}


def train(settings: dict[str, Any], folder: Path) -> Path:
    """Train a reference network and return its weights file."""
    files = {name: folder / name for name in ("checkpoints", "log_table")}
    weights = folder / "weights.safetensors"
    threads = settings.pop("threads")
    train_reference(settings, device=CPU, threads=threads, output=weights, **files)
    return weights


def load(weights: str | Path) -> tuple[nn.Module, Architecture, list[str]]:
    """Return a reference network, its architecture, and the names of its classes."""
    with safe_open(weights, framework="pt") as file:
        about = json.loads(file.metadata()["convscope"])
    classes = about["classes"]
    shape = {name: about[name] for name in ("widths", "hidden")}
    network = build_network("reference", weights, classes=len(classes), device=CPU, reference=shape)
    return network, reference_architecture(classes=len(classes), **shape), classes


def held_out(count: int, seed: int, classes: Sequence[str]) -> list[Scene]:
    """Return scenes that no training with this seed sees; the classes take turns."""
    return [
        draw_scene(classes[place % len(classes)], HELD_OUT_START + place, seed, classes=classes)
        for place in range(count)
    ]

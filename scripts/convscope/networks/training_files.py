"""Weights of the reference network on disk: safetensors, whole or not at all, equal bytes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from convscope.errors import UserError
from convscope.files import replacing

Snapshot = dict[str, torch.Tensor]


def snapshot_of(network: nn.Module) -> Snapshot:
    """Return copies of the parameters on the CPU, float32 and contiguous."""
    return {
        name: value.detach().to("cpu", copy=True).contiguous()
        for name, value in network.state_dict().items()
    }


def save_weights(path: str | Path, weights: Snapshot, settings: Mapping[str, Any]) -> None:
    """Write weights under torchvision's keys, with what they are of in the file's metadata."""
    about = {"architecture": "reference"}
    about |= {name: settings[name] for name in ("widths", "hidden", "classes")}
    # One entry only: safetensors writes several in an order that changes from run to run.
    metadata = {"convscope": json.dumps(about, sort_keys=True)}
    with replacing(path) as temporary:
        save_file(weights, str(temporary), metadata=metadata)


def save_checkpoints(
    path: str | Path, kept: Mapping[int, Snapshot], settings: Mapping[str, Any]
) -> None:
    """Write the weights of several epochs into one file, keys ``epoch_0003/features.0.weight``."""
    weights = {
        f"epoch_{epoch:04d}/{name}": value
        for epoch, snapshot in sorted(kept.items())
        for name, value in snapshot.items()
    }
    save_weights(path, weights, settings)


def kept_epochs(path: str | Path) -> list[int]:
    """Return the epochs that a file of checkpoints holds, in order."""
    with safe_open(path, framework="pt") as file:
        names = list(file.keys())
    return sorted({int(name.partition("/")[0].removeprefix("epoch_")) for name in names})


def read_checkpoint(path: str | Path, epoch: int) -> Snapshot:
    """Return the weights of one kept epoch under torchvision's keys.

    Raises
    ------
    UserError
        If that epoch was not kept.
    """
    prefix = f"epoch_{epoch:04d}/"
    kept = kept_epochs(path)
    if epoch not in kept:
        raise UserError(
            f"epoch {epoch} was not kept (kept: {kept})",
            where=str(path),
            remedy="Add it to the training's kept_epochs and run again.",
        )
    with safe_open(path, framework="pt") as file:
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118
        return {name.removeprefix(prefix): file.get_tensor(name) for name in names}

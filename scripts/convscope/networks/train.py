"""Training of the reference network on generated scenes: AdamW with one cycle (Smith, 2018)."""

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from convscope.devices import computing
from convscope.errors import UserError
from convscope.files import write_text
from convscope.networks.reference import initialised_network
from convscope.networks.scene_accuracy import held_out_of, normalised_scenes, scene_accuracy
from convscope.networks.training_data import training_windows
from convscope.networks.training_files import Snapshot, save_checkpoints, save_weights, snapshot_of
from convscope.networks.training_settings import Epoch, checked, epochs_of
from convscope.progress import progress

LOGGER = logging.getLogger(__name__)
COLUMNS = ("epoch", "crop", "scenes", "loss", "learning_rate", "held_out_scenes", "accuracy")


class EpochRecord(NamedTuple):
    """A row of the training's table; epoch 0, the initial state, has neither loss nor rate."""

    epoch: int
    crop: int | None
    scenes: int
    loss: float | None
    learning_rate: float | None
    held_out_scenes: int
    accuracy: float


def train_reference(
    settings: Mapping[str, Any],
    *,
    device: torch.device,
    threads: int,
    output: str | Path,
    checkpoints: str | Path,
    log_table: str | Path,
) -> float:
    """Train the reference network; write weights, checkpoints and a table of the epochs.

    Equal settings, threads and machine give equal bytes; the global random state plays no part.

    Parameters
    ----------
    settings
        As ``convscope.networks.training_settings`` describes.
    device
        Where to train; always in float32.
    threads
        Torch's threads; part of what the numbers depend on.
    output
        The final weights: safetensors with the keys of torchvision's VGG.
    checkpoints
        The kept epochs in one safetensors file, keys ``epoch_0003/features.0.weight``.
    log_table
        A table, tab-separated: a row an epoch.

    Returns
    -------
    float
        Accuracy on the held-out 224x224 scenes.

    Raises
    ------
    UserError
        If a setting is out of range, the loss is not finite, or the accuracy ends below
        ``minimum_accuracy``; nothing is written then.
    """
    settings = checked(settings)
    with computing(threads):
        network, records, kept = _train(settings, device)
        accuracy = records[-1].accuracy
        if accuracy < settings["minimum_accuracy"]:
            raise UserError(
                f"the network names {accuracy:.1%} of {settings['held_out']} held-out scenes, "
                f"below {settings['minimum_accuracy']:.1%}",
                where="training, minimum_accuracy",
                remedy="Train longer (more epochs, or more scenes in each) or lower the bar.",
            )
        write_text(log_table, records_table(records))
        save_checkpoints(checkpoints, kept, settings)
        save_weights(output, snapshot_of(network), settings)
    return accuracy


def records_table(records: list[EpochRecord]) -> str:
    """Return the epochs as tab-separated text with a head line."""
    rows = ["\t".join("" if value is None else f"{value:.6g}" for value in row) for row in records]
    return "\n".join(["\t".join(COLUMNS), *rows]) + "\n"


def _train(
    settings: Mapping[str, Any], device: torch.device
) -> tuple[nn.Module, list[EpochRecord], dict[int, Snapshot]]:
    """Return the trained network, a record an epoch, and the weights of the kept epochs."""
    generator = torch.Generator().manual_seed(settings["seed"])
    network = initialised_network(
        settings["widths"], len(settings["classes"]), settings["hidden"], generator
    ).to(device=device, memory_format=torch.channels_last)
    epochs = epochs_of(settings)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=settings["weight_decay"])
    watched = held_out_of(settings, settings["held_out_each_epoch"])
    accuracy = scene_accuracy(network, *watched, device=device)
    records = [EpochRecord(0, None, 0, None, None, len(watched[1]), accuracy)]
    kept = {0: snapshot_of(network)} if 0 in settings["kept_epochs"] else {}
    for epoch in epochs:
        loss = _train_epoch(network, optimizer, settings, epoch, device)
        if epoch is epochs[-1]:
            watched = held_out_of(settings, settings["held_out"])
        accuracy = scene_accuracy(network, *watched, device=device)
        seen, rate = epoch.first + epoch.scenes, optimizer.param_groups[0]["lr"]
        records.append(
            EpochRecord(epoch.number, epoch.crop, seen, loss, rate, len(watched[1]), accuracy)
        )
        LOGGER.info(
            "epoch %d of %d (windows of %d px): loss %.3f, accuracy %.3f on %d held-out scenes",
            *(epoch.number, len(epochs), epoch.crop, loss, accuracy, len(watched[1])),
        )
        if epoch.number in settings["kept_epochs"]:
            kept[epoch.number] = snapshot_of(network)
    return network, records, kept


def one_cycle(progress_made: float, warm_up: float = 0.05) -> float:
    """Return the learning rate as a share of its largest: a linear rise, then half a cosine.

    Progress is the share of all pixels that were trained on, not of the steps: late steps see
    larger windows and have more to learn from.
    """
    if progress_made < warm_up:
        return 0.04 + 0.96 * progress_made / warm_up
    fallen = (progress_made - warm_up) / (1 - warm_up)
    return 0.5 * (1 + math.cos(math.pi * fallen))


def batches(epoch: Epoch, settings: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Return (first scene, number of scenes) of each batch of an epoch; the last may be smaller."""
    size = settings["batch_size"]
    return [
        (epoch.first + start, min(size, epoch.scenes - start))
        for start in range(0, epoch.scenes, size)
    ]


def _train_epoch(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    settings: Mapping[str, Any],
    epoch: Epoch,
    device: torch.device,
) -> float:
    """Train on fresh scenes; return the mean loss.

    The classes take turns in the scenes, so a batch is as balanced as it can be, unshuffled.
    """
    asked = {name: settings[name] for name in ("seed", "classes", "context_cue")}
    total = 0.0
    plan = batches(epoch, settings)
    network.train()
    done, whole = _pixels_before(epoch, settings)
    for first, count in progress(plan, LOGGER, what="batches", total=len(plan)):
        pixels, labels = training_windows(first, count, epoch.crop, **asked)
        made = (done + (first - epoch.first) * epoch.crop**2) / whole
        optimizer.param_groups[0]["lr"] = settings["learning_rate"] * one_cycle(made)
        logits = network(normalised_scenes(pixels, device))
        loss = nn.functional.cross_entropy(logits, torch.from_numpy(labels).to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * count
    network.eval()
    if not math.isfinite(total):
        raise UserError(
            f"the loss of epoch {epoch.number} is not finite",
            where="training, learning_rate",
            remedy=f"Lower it (now {settings['learning_rate']:g}).",
        )
    return total / epoch.scenes


def _pixels_before(epoch: Epoch, settings: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many pixels are trained on before an epoch, and in all."""
    sizes = [one.scenes * one.crop**2 for one in epochs_of(settings)]
    return sum(sizes[: epoch.number - 1]), sum(sizes)

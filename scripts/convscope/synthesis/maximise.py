"""Images that maximise the score of a class (Simonyan et al., 2013; Yosinski et al., 2015)."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from convscope.deconvnet.program import program_of
from convscope.predictions.scores import softmax
from convscope.synthesis.batches import Resuming, batches_within, synthesise
from convscope.synthesis.judge import logits_of
from convscope.synthesis.loop import Canvas
from convscope.synthesis.measures import relative_variation, shown_pixels
from convscope.synthesis.objectives import ClassScore, score_description
from convscope.synthesis.settings import at_depth
from convscope.synthesis.state import Row, State
from convscope.synthesis.storage import MAXIMISATION, write_synthesis

LOGGER = logging.getLogger(__name__)
SIDE = 224


@dataclass(frozen=True)
class NamedClass:
    """A class of a network: its index, name and wnid, which may be empty."""

    index: int
    name: str
    wnid: str = ""


def maximise_class(
    network: nn.Module,
    output: str | Path,
    *,
    target: NamedClass,
    presets: Mapping[str, Mapping[str, Any]],
    seeds: Sequence[int],
    mean: Sequence[float],
    std: Sequence[float],
    device: torch.device,
    snapshots: Sequence[int] = (),
    rows_at_once: int = 12,
    resuming: Resuming | None = None,
    attributes: Mapping[str, Any] | None = None,
    size: tuple[int, int] = (SIDE, SIDE),
) -> None:
    """Make images of a class from noise, one a preset and seed, and write them.

    The noise belongs to seed, class and preset. Equal arguments, threads and machine give equal
    bytes, also when the run is killed and goes on from its checkpoint.

    Parameters
    ----------
    network
        In eval mode, on ``device``.
    output
        The file, schema ``maximisation/1`` (see ``convscope.synthesis.storage``).
    target
        The class.
    presets
        Settings by name, as ``convscope.synthesis.settings.preset_settings`` returns them.
    seeds
        Of the noise.
    mean, std
        Of the network's transform, RGB in [0, 1].
    device
        Where the network lies.
    snapshots
        After how many steps the images are kept as well.
    rows_at_once
        The most images in a batch; part of what the last digits depend on.
    resuming
        Where checkpoints lie; without it a killed run starts anew.
    attributes
        More facts for the file: ``network``, ``packages``.
    size
        Height and width of the images.

    Raises
    ------
    UserError
        If a start gives NaN, or every start a gradient of zero.
    """
    program = program_of(network.to(memory_format=torch.channels_last), size)
    rows = [
        Row({"seed": seed, "class": target.index, "preset": name}, at_depth(settings, 1.0))
        for name, settings in presets.items()
        for seed in seeds
    ]
    about = score_description(program)
    LOGGER.info("class %s: %s of %s", target.name, about["what"], about["layer"])
    finished = synthesise(
        rows,
        lambda batch: ClassScore(program, target.index, len(batch)),
        Canvas(mean, std, size, device),
        batches=batches_within(rows, [1.0] * len(rows), rows_at_once),
        snapshots=snapshots,
        resuming=resuming,
        note=_best_score,
    )
    shown = shown_pixels(finished.shown)
    logits = logits_of(network, shown, mean=mean, std=std, device=device)
    facts = {
        "network": {},
        **(attributes or {}),
        "class": asdict(target),
        "objective": about,
        "presets": {name: dict(settings) for name, settings in presets.items()},
        "rows": [finished.facts(rows, place) for place in range(len(rows))],
        "snapshot_steps": list(snapshots),
        "transform": {"mean": list(mean), "std": list(std)},
    }
    arrays = {
        **{"last": finished.last, "best": finished.best, **finished.curves},
        "shown": shown,
        "snapshots": shown_pixels(finished.snapshots),
        "shown_probability": softmax(logits)[:, target.index].astype(np.float32),
        "shown_class": logits.argmax(1).astype(np.int32),
        "variation": relative_variation(finished.last),
    }
    write_synthesis(output, MAXIMISATION, facts, arrays)
    if resuming is not None:
        resuming.remove()


def _best_score(state: State) -> str:
    scores = state.curves["score"][:, state.iteration - 1]
    return f"score {scores[scores.isfinite()].mean():.1f}"

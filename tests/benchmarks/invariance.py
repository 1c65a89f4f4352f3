"""Invariance curves against bare forward passes: seconds, shares and peak memory by network.

    python tests/benchmarks/invariance.py [--json] [--quick] [--networks vgg16 ...]

One image, 3 transforms of 61 amounts each: 183 transformed images, all layers of interest from
their passes, distances and probabilities to a file. The bare forward passes are of as many images,
without transforms, in the memory format and batch size that a short trial before finds fastest;
both take turns in one run. An identity is not computed again, so the engine makes a few passes
fewer: passes. comparing_share, transforming_share and writing_share are parts of its own time.
peak_mb_amounts_A and peak_mb_images_N are fresh processes that measure one image with A amounts a
transform, and N images with few.
"""

import copy
import tempfile
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from functools import partial
from io import StringIO
from pathlib import Path
from statistics import median

from measuring import ROOT, Figures, alternate, median_ratio, medians, peak_megabytes, shares_of

# isort: split
import numpy as np
import torch
from random_networks import LAYOUTS, MEAN, STD, bare_forward, noise_images, random_network, run
from torch import nn

from convscope.devices import computing, usable_cores
from convscope.invariance import compare, passes
from convscope.invariance.layers import chosen_layers
from convscope.invariance.measure import measure_invariance
from convscope.invariance.passes import rows_of
from convscope.invariance.storage import InvarianceWriter
from convscope.invariance.transforms import Transform
from convscope.networks.architectures import load_architecture

NETWORKS = ("vgg16", "vgg19", "alexnet", "squeezenet1_0")
AMOUNTS, QUICK_AMOUNTS = 61, 3
MEMORY_AMOUNTS = (21, 61)
MEMORY_IMAGES = (2, 8)
MEMORY_FEW = 9
ROUNDS = 3
AT_ONCE = {"cpu": (4, 8, 16), "cuda": (32, 64, 128, 183)}


def figure_5(amounts: int) -> list[Transform]:
    """Return the paper's three transforms with so many amounts each, the identity among them."""
    limits = {"vertical_translation": (-60, 60), "scale": (1, 1.8), "rotation": (0, 360)}
    return [
        Transform(name, tuple(np.linspace(*ends, amounts).round(9).tolist()))
        for name, ends in limits.items()
    ]


def measurement(
    name: str, network: nn.Module, count: int, amounts: int, device: torch.device
) -> Callable[[], None]:
    """Return the measurement of bottom and top layer, to a file that is removed again."""
    layers = chosen_layers(load_architecture(ROOT / "workflow" / "architectures", name))
    images = noise_images(count)

    def work() -> None:
        # A terminal would get a progress bar for every round.
        with tempfile.TemporaryDirectory() as folder, redirect_stderr(StringIO()):
            measure_invariance(
                network,
                images,
                Path(folder) / "invariance.h5",
                layers=layers,
                transforms=figure_5(amounts),
                fill="black",
                labels=[0] * count,
                mean=MEAN,
                std=STD,
                attributes={},
                device=device,
            )

    return work


def best_bare(
    network: nn.Module, device: torch.device, count: int, sizes: Sequence[int], rounds: int
) -> tuple[str, int, Callable[[], None]]:
    """Return memory format, batch size and work of the fastest way to push ``count`` images."""
    inputs = torch.randn(count, 3, 224, 224, generator=torch.Generator().manual_seed(0)).to(device)
    trials, works = {}, {}
    for layout in LAYOUTS:
        memory_format = getattr(torch, layout)
        copied = copy.deepcopy(network).to(memory_format=memory_format)
        images = inputs.contiguous(memory_format=memory_format)
        for at_once in sizes:
            tried = images if device.type == "cuda" else images[: max(sizes)]
            trials[layout, at_once] = partial(bare_forward, copied, tried, at_once)
            works[layout, at_once] = partial(bare_forward, copied, images, at_once)
    named = {f"{layout} {at_once}": trial for (layout, at_once), trial in trials.items()}
    seconds = alternate(named, device, rounds)
    layout, at_once = min(trials, key=lambda key: median(seconds[f"{key[0]} {key[1]}"]))
    return layout, at_once, works[layout, at_once]


def measure_times(name: str, device: torch.device, amounts: int, rounds: int) -> Figures:
    """Return the figures of time of one network on one device."""
    network = random_network(name, device)
    transforms = figure_5(amounts)
    count = sum(len(transform.amounts) for transform in transforms)
    work = measurement(name, network, 1, amounts, device)
    sizes = AT_ONCE[device.type][: None if amounts == AMOUNTS else 1]
    layout, at_once, bare = best_bare(network, device, count, sizes, rounds)
    seconds = alternate({"measurement": work, "bare": bare}, device, rounds)
    return {
        "transformed_images": count,
        "passes": len(rows_of(transforms)),
        "seconds": median(seconds["measurement"]),
        "bare_seconds": median(seconds["bare"]),
        "bare_images_at_once": at_once,
        "bare_format": 1 + LAYOUTS.index(layout),
        "times_bare_forward": median_ratio(seconds["measurement"], seconds["bare"]),
        **measure_shares(work, device, rounds),
    }


def measure_shares(work: Callable[[], None], device: torch.device, rounds: int) -> Figures:
    """Return which shares of its own time the measurement's parts take, as medians."""
    parts = {
        "comparing": [(compare.Comparison, "__call__")],
        "transforming": [(passes.Inputs, "__call__")],
        "writing": [(InvarianceWriter, "add"), (InvarianceWriter, "finish")],
    }
    return medians(shares_of(parts, work, device, rounds))


def measure_once(name: str, device: str, count: int, amounts: int) -> None:
    """Measure noise images in a process of its own, whose memory is measured."""
    target = torch.device(device)
    with computing(usable_cores()):
        measurement(name, random_network(name, target), count, amounts, target)()


def measure(name: str, device: torch.device, quick: bool) -> Figures:
    """Return all figures of one network on one device."""
    amounts, rounds = (QUICK_AMOUNTS, 1) if quick else (AMOUNTS, ROUNDS)
    with computing(usable_cores()):
        figures = measure_times(name, device, amounts, rounds)
    for tried in (QUICK_AMOUNTS,) if quick else MEMORY_AMOUNTS:
        peak = peak_megabytes(measure_once, name, device.type, 1, tried)
        figures[f"peak_mb_amounts_{tried}"] = peak
    for count in () if quick else MEMORY_IMAGES:
        peak = peak_megabytes(measure_once, name, device.type, count, MEMORY_FEW)
        figures[f"peak_mb_images_{count}"] = peak
    return figures


if __name__ == "__main__":
    run(__doc__, "Invariance curves against bare forward passes", measure, NETWORKS, ["vgg16"])

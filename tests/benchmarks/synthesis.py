"""Class maximisation against bare forward and backward passes, and against a plain loop.

    python tests/benchmarks/synthesis.py [--json] [--quick] [--networks vgg16 ...]

The report's six regularisers for one class in one batch; seconds are of one iteration of all six.
bare_seconds: forward and backward passes of six images with frozen weights in the faster memory
format, nothing else; times_bare is ours over it. loop_seconds: six images one after another in a
plain loop as lucent's render_vis does it, where the weights still ask for gradients (lucent itself
pins a kornia that does not run beside current releases); frozen_loop_seconds: the same with frozen
weights. times_loop and times_frozen_loop are these over ours. All take turns; figures are medians,
of ratios within a round. regularisers_share and steps_share are parts of our own time.
peak_mb_iterations_N is a fresh process that does N iterations.
"""

import copy
from collections.abc import Callable, Iterator
from statistics import median

from measuring import Figures, alternate, median_ratio, medians, peak_megabytes, shares_of

# isort: split
import torch
from random_networks import MEAN, STD, random_network, run
from torch import nn

from convscope.deconvnet.program import program_of
from convscope.devices import computing, usable_cores
from convscope.synthesis.loop import Canvas, Synthesis
from convscope.synthesis.objectives import ClassScore
from convscope.synthesis.presets import LADDER
from convscope.synthesis.regularisers import Regularisers
from convscope.synthesis.settings import preset_settings
from convscope.synthesis.state import Row
from convscope.synthesis.steps import Steps

NETWORKS = ("vgg16", "alexnet", "squeezenet1_0")
CLASS = 130
ROUNDS = 5
PAIR = 2
"""Iterations in a turn: blurs come every other one."""
MEMORY = (4, 40)
SIDE, QUICK_SIDE = 224, 80
ROWS = tuple(LADDER)


def synthesis(network: nn.Module, device: torch.device, iterations: int, side: int) -> Synthesis:
    """Return the ladder of one class, before its first iteration."""
    rows = [
        Row(
            {"seed": 0, "class": CLASS, "preset": name},
            preset_settings(name) | {"iterations": iterations},
        )
        for name in ROWS
    ]
    objective = ClassScore(program_of(network, (side, side)), CLASS, len(rows))
    return Synthesis(objective, rows, Canvas(MEAN, STD, (side, side), device))


def iterating(network: nn.Module, device: torch.device, side: int) -> Callable[[], None]:
    """Return a function that does the next two iterations of the batch."""
    steps: Iterator[int] = synthesis(network, device, 100_000, side).iterate()

    def work() -> None:
        for _ in range(PAIR):
            next(steps)

    return work


def score(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Return the sum of the class's logits."""
    return network(images)[:, CLASS].sum()


def bare(
    network: nn.Module, device: torch.device, side: int, layout: torch.memory_format
) -> Callable[[], None]:
    """Return a function that pushes six images up and their gradients down, twice."""
    network = copy.deepcopy(network).to(memory_format=layout)
    images = torch.randn(len(ROWS), 3, side, side, device=device)
    images = images.contiguous(memory_format=layout)

    def work() -> None:
        for _ in range(PAIR):
            leaf = images.detach().requires_grad_()
            torch.autograd.grad(score(network, leaf), leaf)

    return work


def plain_loop(
    network: nn.Module, device: torch.device, side: int, *, frozen: bool
) -> Callable[[], None]:
    """Return a function that takes two steps of each of six images, one image after another."""
    network = copy.deepcopy(network).requires_grad_(not frozen)
    images = [torch.randn(1, 3, side, side, device=device).requires_grad_() for _ in ROWS]
    optimisers = [torch.optim.SGD([image], lr=1.0) for image in images]

    def work() -> None:
        for image, optimiser in zip(images, optimisers, strict=True):
            for _ in range(PAIR):
                optimiser.zero_grad()
                (-score(network, image)).backward()
                optimiser.step()

    return work


def measure_shares(network: nn.Module, device: torch.device, side: int, rounds: int) -> Figures:
    """Return which shares of the batch's own time regularisers and steps take."""
    parts = {
        "regularisers": [(Regularisers, name) for name in ("clip", "operate", "penalty")],
        "steps": [(Steps, "take")],
    }
    work = iterating(network, device, side)
    work()
    return medians(shares_of(parts, work, device, rounds))


def measure_times(name: str, device: torch.device, side: int, rounds: int) -> Figures:
    """Return seconds of an iteration of all six images, and ratios."""
    network = random_network(name, device, torch.channels_last)
    works = {
        "ours": iterating(network, device, side),
        "contiguous": bare(network, device, side, torch.contiguous_format),
        "channels_last": bare(network, device, side, torch.channels_last),
        "loop": plain_loop(network, device, side, frozen=False),
        "frozen_loop": plain_loop(network, device, side, frozen=True),
    }
    seconds = alternate(works, device, rounds)
    fastest = min(("contiguous", "channels_last"), key=lambda layout: median(seconds[layout]))
    return {
        "seconds": median(seconds["ours"]) / PAIR,
        "bare_seconds": median(seconds[fastest]) / PAIR,
        "times_bare": median_ratio(seconds["ours"], seconds[fastest]),
        "loop_seconds": median(seconds["loop"]) / PAIR,
        "frozen_loop_seconds": median(seconds["frozen_loop"]) / PAIR,
        "times_loop": median_ratio(seconds["loop"], seconds["ours"]),
        "times_frozen_loop": median_ratio(seconds["frozen_loop"], seconds["ours"]),
        **measure_shares(network, device, side, rounds),
    }


def run_once(name: str, device: str, side: int, iterations: int) -> None:
    """Do some iterations in a process of its own, whose memory is measured."""
    target = torch.device(device)
    with computing(usable_cores()):
        synthesis(random_network(name, target, torch.channels_last), target, iterations, side).run()


def measure(name: str, device: torch.device, quick: bool) -> Figures:
    """Return all figures of one network on one device."""
    side = QUICK_SIDE if quick else SIDE
    with computing(usable_cores()):
        figures = measure_times(name, device, side, 1 if quick else ROUNDS)
    for iterations in MEMORY[:1] if quick else MEMORY:
        peak = peak_megabytes(run_once, name, device.type, side, iterations)
        figures[f"peak_mb_iterations_{iterations}"] = peak
    return figures


if __name__ == "__main__":
    run(__doc__, "Six regularisers of one class against bare passes", measure, NETWORKS, ["vgg16"])

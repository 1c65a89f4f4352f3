"""Occlusion maps against a loop, plain batches and Captum: seconds, equality, memory and growth.

    python tests/benchmarks/occlusion.py [--json] [--quick] [--networks vgg16 ...] [--full]
        [--no-growth]

One image, patch 50, stride 5: 1 225 positions, for which Captum does 1 297 forward passes. The way
that the workflow takes computes all of them, its preparations for network and occluder included,
in turn with the baselines: the loop that everyone writes (one forward pass a position), plain
batches and Captum, both at the best of several batch sizes. Baselines are measured on an even
sample of positions and extended to all of them, the clean image included, unless --full is given.
times_* are the baselines' time over ours, medians over rounds of the ratio within a round;
times_captum_a_position is the ratio of times per position and per pass. Growth with positions and
images is timed once, and left out with --no-growth. of_peak is the rate of counted multiply-adds
over the machine's measured peak of matrix products; it may exceed 1, because fast convolutions take
fewer. largest_error is ours and plain_largest_error that of plain forward passes, in probability,
against float64 at 9 positions; largest_drop says how far the probabilities move.
peak_mb_above_network is a fresh process that occludes one image, less one that pushes one through
the network. The network is as its constructor initialises it, its last layer scaled so that the top
class has probability 0.35: where two classes nearly tie, 0.6 asks for logits hundreds apart, on
which float32 itself errs by 5e-5. logit_spread is the largest clean logit less the median.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

from measuring import (
    Figures,
    alternate,
    median_ratio,
    over_devices,
    parser_of,
    peak_megabytes,
    seconds_of,
    show,
)

# isort: split
import numpy as np
import torch
from torch import nn

from convscope.devices import computing, usable_cores
from convscope.networks.build import construct
from convscope.occlusion.fills import fill_image
from convscope.occlusion.grid import Grid
from convscope.occlusion.occlude import Occlusion
from convscope.occlusion.occluders import occluder_of
from convscope.occlusion.plain import PlainEngine
from convscope.predictions.scores import softmax
from convscope.variants.network_input import network_input

NETWORKS = ("vgg16", "vgg19", "alexnet", "squeezenet1_0")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BATCHES = (1, 2, 4, 8, 16, 32)
LIKELY = 0.35


@dataclass(frozen=True)
class Amount:
    """What is measured, how often."""

    patch: int
    stride: int
    strides: Sequence[int]
    images: Sequence[int]
    sample: int
    batches: Sequence[int]
    products: Sequence[int]
    rounds: int


USUAL = Amount(50, 5, (10, 5, 2), (1, 4, 16), 64, BATCHES, (1024, 2048), 3)
QUICK = Amount(112, 112, (), (1,), 4, (2,), (512,), 1)


def random_network(name: str, device: torch.device) -> nn.Module:
    """Return a network in eval mode whose top class is likely but not certain."""
    torch.manual_seed(0)
    network = construct(name, classes=1000).requires_grad_(False).eval().to(device)
    last = [m for m in network.modules() if isinstance(m, nn.Linear | nn.Conv2d)][-1]
    logits = network(inputs(0, device)[0])[0].double()
    scale = 1.0
    while abs((scale * logits).softmax(0).max() - LIKELY) > 0.02:
        scale *= 1.05 if (scale * logits).softmax(0).max() < LIKELY else 0.99
    last.weight *= scale
    last.bias *= scale
    return network


def noise_image(seed: int) -> np.ndarray:
    """Return uint8 pixels ``(3, 224, 224)``: coarse noise, so that patches matter."""
    coarse = np.random.default_rng(seed).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    return coarse.repeat(8, 1).repeat(8, 2)


def inputs(seed: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the normalised image and its black fill, ``(1, 3, 224, 224)``."""
    rgb = torch.from_numpy(noise_image(seed)).to(device).float() / 255
    black = fill_image(rgb, occluder_of({"name": "black"}), MEAN).clone()
    return tuple(network_input(image[None].clone(), MEAN, STD) for image in (rgb, black))


def sliding(network: nn.Module, patch: int, stride: int, method: str = "auto") -> Occlusion:
    """Return the way that the workflow takes."""
    occluder = occluder_of({"name": "black", "patch": patch, "stride": stride})
    return Occlusion(network, occluder, mean=MEAN, std=STD, method=method)


def plain_pass(
    network: nn.Module, device: torch.device, grid: Grid, positions: np.ndarray, batch: int
) -> np.ndarray:
    """Push images with a patch at some positions through a network, and the clean one."""
    engine = PlainEngine(network, grid, positions, activity_layer=None, batch_size=batch)
    run = engine.begin(*inputs(0, device))
    for chunk in engine.chunks:
        engine.advance(run, chunk)
    return engine.finish(run).logits


def captum_pass(
    network: nn.Module, device: torch.device, patch: int, stride: int, batch: int
) -> None:
    """Let Captum occlude an image."""
    from captum.attr import Occlusion as Captum

    clean, black = inputs(0, device)
    with torch.inference_mode():
        Captum(network).attribute(
            clean,
            sliding_window_shapes=(3, patch, patch),
            strides=(3, stride, stride),
            baselines=black,
            target=0,
            perturbations_per_eval=batch,
        )


def captum_passes(patch: int, stride: int) -> int:
    """Return how many forward passes Captum does."""
    return (-(-(224 - patch) // stride) + 1) ** 2 + 1


def best_of(works: dict[int, Callable[[], object]], device: torch.device) -> int:
    """Return the batch size of the work that takes the least time."""
    if len(works) == 1:
        return next(iter(works))
    seconds = alternate(works, device, 1)
    return min(works, key=lambda batch: seconds[batch][0])


def peak_rate(device: torch.device, sides: Sequence[int]) -> float:
    """Return the multiply-adds a second of the fastest of several products of matrices."""
    rates = []
    for side in sides:
        first, second = (torch.randn(side, side, device=device) for _ in range(2))
        work = partial(torch.mm, first, second, out=torch.empty_like(first))
        seconds = alternate({"product": work}, device, 8)["product"]
        rates.append(side**3 / min(seconds))
    return max(rates)


def measure_times(network: nn.Module, device: torch.device, amount: Amount, full: bool) -> Figures:
    """Return the times of all ways for one image, and what they count."""
    patch = amount.patch
    ours = sliding(network, patch, amount.stride)
    positions = ours.grid.positions()
    few = positions[np.linspace(0, len(positions) - 1, amount.sample).round().astype(int)]
    # Captum allows no stride above the patch.
    wide = min(patch, (224 - patch) // (int(amount.sample**0.5) - 1))
    stride = amount.stride if full else wide
    chosen = positions if full else few
    plain = partial(plain_pass, network, device, ours.grid)
    captum = partial(captum_pass, network, device, patch, stride)
    batch = best_of({b: partial(plain, few, b) for b in amount.batches}, device)
    captum_batch = best_of({b: partial(captum, b) for b in amount.batches}, device)
    works = {
        "ours": partial(occlude, network, patch, amount.stride, 1),
        "loop": partial(plain, chosen, 1),
        "plain": partial(plain, chosen, batch),
        "captum": partial(captum, captum_batch),
    }
    seconds = alternate(works, device, amount.rounds)
    passes = captum_passes(patch, amount.stride)
    scales = dict.fromkeys(("loop", "plain"), (len(positions) + 1) / (len(chosen) + 1))
    scales["captum"] = passes / captum_passes(patch, stride)
    for name, scale in scales.items():
        seconds[name] = [scale * value for value in seconds[name]]
    counted = ours.engines.operations(positions)
    figures = {
        "positions": len(positions),
        "seconds": median(seconds["ours"]),
        "milliseconds_a_position": 1e3 * median(seconds["ours"]) / len(positions),
        "plain_batch": batch,
        "captum_batch": captum_batch,
        "captum_passes": passes,
        "billion_multiply_adds": counted.exact / 1e9,
        "plain_billion_multiply_adds": counted.plain / 1e9,
        "of_peak": counted.exact / median(seconds["ours"]) / peak_rate(device, amount.products),
    }
    for name in ("loop", "plain", "captum"):
        figures[f"{name}_seconds"] = median(seconds[name])
        figures[f"times_{name}"] = median_ratio(seconds[name], seconds["ours"])
    figures["times_captum_a_position"] = figures["times_captum"] * len(positions) / passes
    return figures


def measure_errors(network: nn.Module, device: torch.device, amount: Amount) -> Figures:
    """Return the largest errors in probability at some positions, against float64."""
    ours = sliding(network, amount.patch, amount.stride, "exact")
    positions = ours.grid.positions()
    few = positions[np.linspace(0, len(positions) - 1, 9).round().astype(int)]
    if amount is QUICK:
        few = positions
    engine = ours.engines.exact(few, inputs(0, device)[0])
    run = engine.begin(*inputs(0, device))
    for chunk in engine.chunks:
        engine.advance(run, chunk)
    single = plain_pass(network, device, ours.grid, few, 1)
    network.double()
    clean, black = (image.double() for image in inputs(0, device))
    exactly = PlainEngine(network, ours.grid, few, activity_layer=None, batch_size=1)
    state = exactly.begin(clean, black)
    for chunk in exactly.chunks:
        exactly.advance(state, chunk)
    responses = exactly.finish(state)
    truth, clean_logits = softmax(responses.logits), responses.clean_logits
    network.float()
    found = softmax(engine.finish(run).logits)
    return {
        "logit_spread": float(clean_logits.max() - np.median(clean_logits)),
        "largest_error": float(np.abs(found - truth).max()),
        "plain_largest_error": float(np.abs(softmax(single) - truth).max()),
        "largest_drop": float(np.ptp(truth, 0).max()),
    }


def occlude(network: nn.Module, patch: int, stride: int, images: int) -> None:
    """Occlude some images, the preparations for network and occluder included."""
    ours = sliding(network, patch, stride)
    for seed in range(images):
        ours.maps(noise_image(seed), 0)


def measure_growth(network: nn.Module, device: torch.device, amount: Amount) -> Figures:
    """Return the seconds for several strides, and for several images, each taken once."""
    figures = {
        f"seconds_stride_{stride}": seconds_of(
            partial(occlude, network, amount.patch, stride, 1), device
        )
        for stride in amount.strides
    }
    for count in amount.images:
        work = partial(occlude, network, amount.patch, amount.stride, count)
        figures[f"seconds_images_{count}"] = seconds_of(work, device)
    return figures


def occlude_once(name: str, device: str, patch: int, stride: int, occluding: bool) -> None:
    """Occlude in a process of its own, whose memory is measured, or classify one image."""
    with computing(usable_cores()), torch.inference_mode():
        network = random_network(name, torch.device(device)).to(memory_format=torch.channels_last)
        network(inputs(0, torch.device(device))[0])
        if occluding:
            occlude(network, patch, stride, 1)


def measure(
    name: str, device: torch.device, quick: bool, full: bool = False, growing: bool = True
) -> Figures:
    """Return all figures of one network on one device."""
    amount = QUICK if quick else USUAL
    with computing(usable_cores()), torch.inference_mode():
        network = random_network(name, device)
        figures = measure_times(network, device, amount, full)
        if growing:
            figures |= measure_growth(network, device, amount)
        figures |= measure_errors(network, device, amount)
    arguments = (name, device.type, amount.patch, amount.stride)
    loaded, peak = (peak_megabytes(occlude_once, *arguments, way) for way in (False, True))
    return {**figures, "peak_mb_above_network": max(peak - loaded, 0.1)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, metavar="NAME")
    parser.add_argument("--full", action="store_true", help="baselines at every position")
    parser.add_argument("--no-growth", action="store_true", help="one stride and one image only")
    options = parser.parse_args(arguments)
    names = options.networks or (["squeezenet1_0"] if options.quick else NETWORKS)
    work = partial(measure, full=options.full, growing=not options.no_growth)
    figures = over_devices(names, work, options.quick)
    show("Occlusion maps of one image, patch 50, stride 5", figures, options.json)


if __name__ == "__main__":
    main()

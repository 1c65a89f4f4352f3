"""Deconvnet projections against a loop over Captum: seconds, equality, peak memory and growth.

    python tests/benchmarks/deconvnet.py [--json] [--quick] [--networks vgg16 ...]

Both project the 9 strongest units of each convolution of one image, by the same peaks, in turn on
the same network; VGG-16's 13 convolutions make 117 projections. Both times include the forward
pass. times_captum is Captum's loop over ours, the median over rounds of the ratio within a round.
largest_difference is between the two, relative to each projection's maximum. peak_mb_above_network
is a fresh process that projects one image, less one that only loads the network and the libraries;
_16 is one that projects 16 images. seconds_N is for N images, one after another, the choice of
units included. On a GPU device_mb_above_network is the most device memory that one image takes
above the network.
"""

import warnings
from collections.abc import Callable, Sequence
from statistics import median

from measuring import Figures, alternate, median_ratio, peak_megabytes

# isort: split
import numpy as np
import torch
from random_networks import random_network, run
from torch import nn

from convscope.deconvnet.project import Projection, Projector
from convscope.deconvnet.seeds import Unit
from convscope.deconvnet.select import strongest
from convscope.devices import computing, usable_cores
from convscope.features.peaks import find_peaks
from convscope.networks.layers import layer_calls

NETWORKS = ("vgg16", "alexnet", "squeezenet1_0")
TOP = 9
ROUNDS = 3
IMAGES = (1, 4, 16)


def noise_image(seed: int, device: torch.device) -> torch.Tensor:
    """Return a normalised image ``(1, 3, 224, 224)``."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 3, 224, 224, generator=generator).to(device)


def convolutions(network: nn.Module, top: int) -> list[str]:
    """Return the layers to project: every convolution; with one unit only, the first and last."""
    layers = [call.layer for call in layer_calls(network) if call.kind == "conv"]
    return layers if top == TOP else layers[:: len(layers) - 1]


def strong_units(
    projector: Projector, image: torch.Tensor, layers: Sequence[str], top: int
) -> list[Unit]:
    """Return the strongest units of each layer."""
    units = []
    for layer, output in projector.record(image, layers).activations.items():
        values, positions = (found[0].cpu().numpy() for found in find_peaks(output, layer))
        units += [
            Unit(layer, chosen.channel, chosen.row, chosen.column)
            for chosen in strongest(values, positions, top, layer)
        ]
    return units


def captum_loop(network: nn.Module, image: torch.Tensor, units: Sequence[Unit]) -> list[np.ndarray]:
    """Return activation-free projections ``(3, 224, 224)`` of units, one call each."""
    from captum.attr import NeuronDeconvolution

    found = []
    with warnings.catch_warnings():
        # It says at every call that it sets hooks.
        warnings.simplefilter("ignore")
        for unit in units:
            method = NeuronDeconvolution(network, network.get_submodule(unit.layer))
            place = (unit.channel, unit.row, unit.column)
            pixels = method.attribute(image.clone().requires_grad_(), place)
            found.append(pixels[0].detach().cpu().numpy())
    return found


def largest_difference(ours: Sequence[Projection], theirs: Sequence[np.ndarray]) -> float:
    """Return the largest difference relative to a projection's maximum."""
    differences = [0.0]
    for projection, pixels in zip(ours, theirs, strict=True):
        if projection.activation <= 0:
            # The rule is homogeneous for positive factors only.
            continue
        expected = projection.activation * pixels
        top, left, bottom, right = projection.box
        expected[:, top:bottom, left:right] -= projection.pixels
        scale = np.abs(projection.activation * pixels).max()
        differences.append(float(np.abs(expected).max() / scale) if scale else 0.0)
    return max(differences)


def measure_times(name: str, device: torch.device, top: int, rounds: int) -> Figures:
    """Return times of one image, and how far the results are apart."""
    network, image = random_network(name, device, torch.channels_last), noise_image(0, device)
    projector = Projector(network)
    units = strong_units(projector, image, convolutions(network, top), top)
    results: dict[str, list] = {}

    def ours() -> None:
        results["ours"] = projector.project_image(image, units)

    def theirs() -> None:
        results["theirs"] = captum_loop(network, image, units)

    seconds = alternate({"ours": ours, "theirs": theirs}, device, rounds)
    return {
        "projections": len(units),
        "seconds": median(seconds["ours"]),
        "captum_seconds": median(seconds["theirs"]),
        "times_captum": median_ratio(seconds["theirs"], seconds["ours"]),
        "largest_difference": largest_difference(results["ours"], results["theirs"]),
    }


def work_of(name: str, device: torch.device, top: int, count: int) -> Callable[[], None]:
    """Return the projection of ``count`` images, each with strongest units of its own."""
    network = random_network(name, device, torch.channels_last)
    projector = Projector(network)
    layers = convolutions(network, top)

    def work() -> None:
        for seed in range(count):
            image = noise_image(seed, device)
            projector.project_image(image, strong_units(projector, image, layers, top))

    return work


def measure_growth(
    name: str, device: torch.device, top: int, counts: Sequence[int], rounds: int
) -> Figures:
    """Return the seconds for several numbers of images, the choice of units included."""
    works = {f"seconds_{count}": work_of(name, device, top, count) for count in counts}
    return {name: median(taken) for name, taken in alternate(works, device, rounds).items()}


def project_once(name: str, device: str, top: int, count: int) -> None:
    """Project in a process of its own, whose memory is measured; no image loads the network."""
    with computing(usable_cores()):
        work_of(name, torch.device(device), top, count)()


def measure_memory(name: str, device: torch.device, top: int, counts: Sequence[int]) -> Figures:
    """Return what projecting takes above the loaded network, in 10^6 bytes."""
    loaded = peak_megabytes(project_once, name, device.type, top, 0)
    figures = {}
    for count in counts:
        peak = peak_megabytes(project_once, name, device.type, top, count)
        figures[f"peak_mb_above_network{'' if count == 1 else f'_{count}'}"] = peak - loaded
    if device.type == "cuda":
        work = work_of(name, device, top, 1)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        work()
        peak = torch.cuda.max_memory_allocated(device)
        figures["device_mb_above_network"] = (peak - before) / 1e6
    return figures


def measure(name: str, device: torch.device, quick: bool) -> Figures:
    """Return all figures of one network on one device."""
    top, rounds = (1, 1) if quick else (TOP, ROUNDS)
    counts = IMAGES[:1] if quick else IMAGES
    with computing(usable_cores()):
        figures = measure_times(name, device, top, rounds)
        figures |= measure_growth(name, device, top, counts, rounds)
        figures |= measure_memory(name, device, top, sorted({counts[0], counts[-1]}))
    return figures


if __name__ == "__main__":
    run(
        __doc__,
        "Deconvnet against a loop over Captum's NeuronDeconvolution",
        measure,
        NETWORKS,
        NETWORKS,
    )

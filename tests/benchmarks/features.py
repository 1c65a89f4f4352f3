"""Feature extraction against bare forward passes: seconds, shares and peak memory by network.

    python tests/benchmarks/features.py [--json] [--quick] [--networks alexnet ...]

Both run in turn on the same images, in passes of the same size. The bare forward pass is what a
person would write: eval mode, inference mode, the faster of the two memory formats.
forward_share, peaks_share and writing_share are parts of an extraction's own time: the forward
passes without what looks on, finding the peaks, and writing to HDF5. peak_mb_N is a fresh process
that extracts N images; the images themselves take 0.15 MB each.
"""

import copy
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr
from functools import partial
from io import StringIO
from pathlib import Path
from statistics import median

from measuring import ROOT, Figures, alternate, median_ratio, medians, peak_megabytes, shares_of

# isort: split
import h5py
import torch
from random_networks import LAYOUTS, MEAN, STD, bare_forward, noise_images, random_network, run
from torch import nn

from convscope.devices import computing, usable_cores
from convscope.features import collect, extract
from convscope.features.extract import IMAGES_AT_ONCE, extract_features, layer_entries
from convscope.images.store import ImageBatch
from convscope.networks.architectures import load_architecture
from convscope.variants.definitions import definition_of

# Images in a timed round: it takes about as long with each network.
NETWORKS = {"vgg16": 16, "vgg19": 16, "alexnet": 128, "squeezenet1_0": 128}
MEMORY_IMAGES = (16, 64, 256)
QUICK_IMAGES = 2
ROUNDS = 5
CUDA_PASSES = 8


def extraction(
    name: str, network: nn.Module, images: ImageBatch, device: torch.device
) -> Callable[[], None]:
    """Return the extraction of all layers' peaks, to a file that is removed again."""
    table = load_architecture(ROOT / "workflow" / "architectures", name)
    layers = layer_entries([layer.settings for layer in table.layers])

    def work() -> None:
        # A terminal would get a progress bar for every round.
        with tempfile.TemporaryDirectory() as folder, redirect_stderr(StringIO()):
            extract_features(
                network,
                images,
                Path(folder) / "features.h5",
                layers=layers,
                variants={
                    "normal": {"definition": definition_of("normal", {}), "images": images.ids}
                },
                mean=MEAN,
                std=STD,
                stored_layers=[],
                activations="float16",
                attributes={},
                device=device,
            )

    return work


def measure_times(name: str, device: torch.device, count: int, rounds: int) -> Figures:
    """Return the figures of time of one network on one device."""
    network = random_network(name, device)
    images = noise_images(count)
    work = extraction(name, network, images, device)
    works: dict[str, Callable[[], None]] = {"extraction": work}
    pixels = torch.from_numpy(images.pixels).to(device)
    shape = (1, 3, 1, 1)
    normalised = (pixels / 255 - pixels.new_tensor(MEAN, dtype=torch.float32).view(shape)) / (
        pixels.new_tensor(STD, dtype=torch.float32).view(shape)
    )
    for layout in LAYOUTS:
        memory_format = getattr(torch, layout)
        works[layout] = partial(
            bare_forward,
            copy.deepcopy(network).to(memory_format=memory_format),
            normalised.contiguous(memory_format=memory_format),
            IMAGES_AT_ONCE[device.type],
        )
    seconds = alternate(works, device, rounds)
    bare = min(LAYOUTS, key=lambda layout: median(seconds[layout]))
    taken = median(seconds["extraction"])
    return {
        "seconds": taken / count,
        "images_per_second": count / taken,
        "times_bare_forward": median_ratio(seconds["extraction"], seconds[bare]),
        "bare_seconds_contiguous": median(seconds["contiguous_format"]) / count,
        "bare_seconds_channels_last": median(seconds["channels_last"]) / count,
        **measure_shares(network, work, device, rounds),
    }


def measure_shares(
    network: nn.Module, work: Callable[[], None], device: torch.device, rounds: int
) -> Figures:
    """Return which shares of an extraction's own time its parts take, as medians over rounds."""
    parts = {
        "forward": [(network, "forward")],
        "peaks": [(collect, f"{verb}_peaks") for verb in ("find", "rectify", "join")],
        "writing": [(extract, "_write"), (h5py.File, "close")],
    }
    shares = shares_of(parts, work, device, rounds)
    # The peaks are found while the forward pass runs.
    both = zip(shares["forward"], shares["peaks"], strict=True)
    return medians({**shares, "forward": [forward - peaks for forward, peaks in both]})


def extract_once(name: str, device: str, count: int) -> None:
    """Extract noise images in a process of its own, whose memory is measured."""
    target = torch.device(device)
    with computing(usable_cores()):
        extraction(name, random_network(name, target), noise_images(count), target)()


def measure(name: str, device: torch.device, quick: bool) -> Figures:
    """Return all figures of one network on one device."""
    least = CUDA_PASSES * IMAGES_AT_ONCE["cuda"] if device.type == "cuda" else 0
    count, rounds = (QUICK_IMAGES, 1) if quick else (max(NETWORKS[name], least), ROUNDS)
    with computing(usable_cores()):
        figures = measure_times(name, device, count, rounds)
    for images in (QUICK_IMAGES,) if quick else MEMORY_IMAGES:
        figures[f"peak_mb_{images}"] = peak_megabytes(extract_once, name, device.type, images)
    return figures


if __name__ == "__main__":
    run(__doc__, "Feature extraction against bare forward passes", measure, NETWORKS, NETWORKS)

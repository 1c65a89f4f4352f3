"""Networks and images of noise, as the benchmarks of speed push them through; one main for them."""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from measuring import Figures, over_devices, parser_of, show

# isort: split
import numpy as np
import torch
from torch import nn

from convscope.networks.build import construct

if TYPE_CHECKING:
    from convscope.images.store import ImageBatch

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LAYOUTS = ("contiguous_format", "channels_last")


def random_network(
    name: str, device: torch.device, layout: torch.memory_format = torch.contiguous_format
) -> nn.Module:
    """Return a network in eval mode as its constructor initialises it."""
    torch.manual_seed(0)
    network = construct(name, classes=1000).requires_grad_(False).eval().to(device)
    return network.to(memory_format=layout)


def noise_images(count: int) -> "ImageBatch":
    """Return a batch of prepared images without a file."""
    # It needs HDF5, which would weigh where other benchmarks measure memory.
    from convscope.images.store import ImageBatch

    pixels = np.random.default_rng(0).integers(0, 256, (count, 3, 224, 224), dtype=np.uint8)
    ids = tuple(f"noise_{number:04d}" for number in range(count))
    return ImageBatch(ids, pixels, ids, ids)


def bare_forward(network: nn.Module, inputs: torch.Tensor, at_once: int) -> None:
    """Push normalised images ``(N, 3, 224, 224)`` through a network; keep nothing."""
    with torch.inference_mode():
        for start in range(0, len(inputs), at_once):
            network(inputs[start : start + at_once])


def run(
    description: str | None,
    title: str,
    measure: Callable[[str, torch.device, bool], Figures],
    networks: Collection[str],
    usual: Collection[str],
) -> None:
    """Measure the networks that the command line names, or the usual ones, and print."""
    parser = parser_of(description)
    parser.add_argument("--networks", nargs="+", choices=networks, metavar="NAME")
    options = parser.parse_args()
    names = options.networks or (["squeezenet1_0"] if options.quick else list(usual))
    show(title, over_devices(names, measure, options.quick), options.json)

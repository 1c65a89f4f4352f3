"""A small network, two batches of images, and the strongest images of its channels."""

from dataclasses import asdict

import numpy as np
import torch

from convscope.deconvnet.rank import merge_ranks, rank_batch
from convscope.features.extract import extract_features, layer_entries
from convscope.images.store import read_images, writing_images
from convscope.networks.reference import initialised_network
from convscope.networks.reference_layers import reference_architecture
from convscope.variants.definitions import definition_of

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
SIZES = {"widths": [4, 6], "classes": 3, "hidden": 5}
BATCHES = {"first": ["c", "a", "b"], "second": ["e", "d"]}
COPIES = {"e": "b"}
"""Images with the pixels of another."""
SILENT = ("features.3", 2)
ATTRIBUTES = {
    "network": {"architecture": "reference", "weights_sha256": "0" * 64},
    "packages": {"torch": "2"},
}
PROJECTING = {
    "mean": MEAN,
    "std": STD,
    "unpooling": "switches",
    "rule": "deconvnet",
    "storage": "float32",
    "attributes": ATTRIBUTES,
    "device": torch.device("cpu"),
}
LAYERS = [
    asdict(e)
    for e in layer_entries(
        [
            x.settings
            for x in reference_architecture(
                SIZES["widths"], SIZES["classes"], SIZES["hidden"]
            ).layers
        ]
    )
]


def toy_network(seed=2):
    """Return the network; a channel of its second ReLU is silent."""
    generator = torch.Generator().manual_seed(seed)
    network = initialised_network(**SIZES, generator=generator).eval().requires_grad_(False)
    network.features[2].weight[SILENT[1]] = 0
    network.features[2].bias[SILENT[1]] = -1
    return network


def toy_pixels(image):
    """Return an image's pixels: noise in blocks of 8 pixels, uint8 ``(3, 224, 224)``."""
    number = ord(COPIES.get(image, image))
    small = np.random.default_rng(number).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    return small.repeat(8, 1).repeat(8, 2)


def write_images(folder):
    """Write the images of both batches; return the paths."""
    paths = []
    for name, ids in BATCHES.items():
        paths.append(folder / f"{name}_images.h5")
        with writing_images(paths[-1], ids, {}, {}) as writer:
            for image in ids:
                writer.add(toy_pixels(image), "")
    return paths


def rank(network, folder, images):
    """Rank the images by the channels of a network; return the path of units.h5."""
    parts = []
    for number, path in enumerate(images):
        batch = read_images(path)
        normal = {"definition": definition_of("normal", {}), "images": batch.ids}
        extract_features(
            network,
            batch,
            folder / f"features_{number}.h5",
            layers=layer_entries([{**e, "shape": shape_of(e)} for e in LAYERS]),
            variants={"normal": normal},
            mean=MEAN,
            std=STD,
            stored_layers=[],
            activations="float32",
            attributes=ATTRIBUTES,
            device=torch.device("cpu"),
        )
        parts.append(folder / f"ranks_{number}.h5")
        rank_batch(folder / f"features_{number}.h5", parts[-1], packages={})
    merge_ranks(parts, folder / "units.h5", packages={})
    return folder / "units.h5"


def shape_of(entry):
    """Return a layer's shape."""
    sides = (entry["height"], entry["width"])
    return (entry["channels"], *sides) if sides != (1, 1) else (entry["channels"],)


def network_input(image):
    """Return an image as the network is fed with it, ``(1, 3, 224, 224)``."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    return ((torch.from_numpy(toy_pixels(image)) / 255 - mean) / std)[None]


def slow_activations(network, image):
    """Run the modules one after another on copies; return every layer ``(C, H, W)`` by name."""
    value, outputs = network_input(image), {}
    for name, module in network.named_modules():
        if not list(module.children()):
            value = value.flatten(1) if name.startswith("classifier") else value
            value = module(value.clone())
            channels = value.shape[1]
            outputs[name] = value[0].reshape(channels, *(value.shape[2:] or (1, 1))).clone().numpy()
    return outputs


def strongest_first(activations, layer, channel):
    """Return (value, image, row, column) of a channel, each image's peak, the strongest first.

    ``activations`` are those of each image. Of copies the smallest id stays.
    """
    peaks = []
    for image in sorted(set(activations) - set(COPIES)):
        plane = activations[image][layer][channel]
        row, column = divmod(int(plane.argmax()), plane.shape[1])
        peaks.append((float(plane[row, column]), image, row, column))
    return sorted(peaks, key=lambda peak: -peak[0])

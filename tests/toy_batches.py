"""A batch of images through a small network: features.h5 and what is made from it."""

import functools

import numpy as np
import torch
from torch import nn

from convscope.deconvnet.control_batch import measure_batch_controls
from convscope.deconvnet.project_batch import project_features
from convscope.features.extract import extract_features, layer_entries
from convscope.images.store import ImageBatch, pixel_digest
from convscope.networks.layers import layer_calls, observing
from convscope.variants.definitions import definition_of

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
CPU = torch.device("cpu")
IDS = ("a", "b", "c")
ATTRIBUTES = {
    "network": {"architecture": "toy", "weights_sha256": "5" * 64},
    "packages": {"torch": "1"},
}
DEFINITIONS = {"turned": {"rotate": 30, "scale": 1.2, "fill": "grey"}}
VARIANTS = {
    name: {"definition": definition_of(name, DEFINITIONS), "images": images}
    for name, images in {"normal": ["a", "b", "c"], "turned": ["c", "a"]}.items()
}
DEAD = 2
"""A channel of the first layer that is zero for every image behind its ReLU."""


def seeded(*modules):
    torch.manual_seed(4)
    network = nn.Sequential(*[make() for make in modules]).eval().requires_grad_(False)
    network[0].bias[DEAD] = -1000.0
    return network


@functools.cache
def linear_network():
    """Return a network with two poolings and four classes from a linear layer."""
    return seeded(
        lambda: nn.Conv2d(3, 6, 7, 4, 3),
        lambda: nn.ReLU(inplace=True),
        lambda: nn.MaxPool2d(3, 2),
        lambda: nn.Conv2d(6, 8, 3, padding=1),
        lambda: nn.ReLU(inplace=True),
        lambda: nn.MaxPool2d(3, 2),
        lambda: nn.Conv2d(8, 1, 3),
        lambda: nn.Flatten(),
        lambda: nn.Linear(121, 4),
    )


@functools.cache
def pooled_network():
    """Return a network whose classes are averages of a rectified convolution, as SqueezeNet's."""
    return seeded(
        lambda: nn.Conv2d(3, 6, 7, 4, 3),
        lambda: nn.ReLU(inplace=True),
        lambda: nn.MaxPool2d(3, 2),
        lambda: nn.Conv2d(6, 5, 3),
        lambda: nn.ReLU(inplace=True),
        lambda: nn.AdaptiveAvgPool2d(1),
        lambda: nn.Flatten(),
    )


def toy_images(ids=IDS):
    """Return noise images that depend on their ids alone."""
    pixels = np.stack(
        [
            np.random.default_rng(ord(image)).integers(0, 256, (3, 224, 224), dtype=np.uint8)
            for image in ids
        ]
    )
    digests = tuple(pixel_digest(image) for image in pixels)
    return ImageBatch(tuple(ids), pixels, digests, digests)


def layer_table(network):
    """Return the entries of all layers, as a plan would have them."""
    calls, shapes = layer_calls(network), {}

    def keep(layer, output):
        shapes[layer] = tuple(output.shape[1:])

    with observing(network, keep, calls=calls), torch.inference_mode():
        network(torch.zeros(1, 3, 224, 224))
    return layer_entries(
        [
            {
                "name": c.layer,
                "common_name": f"at_{c.layer}",
                "kind": c.kind,
                "shape": shapes[c.layer],
            }
            for c in calls
        ]
    )


def extract(network, images, path, **changes):
    """Write features.h5 and return its path."""
    options = {
        "layers": layer_table(network),
        "variants": VARIANTS,
        "mean": MEAN,
        "std": STD,
        "stored_layers": [],
        "activations": "float32",
        "attributes": ATTRIBUTES,
        "device": CPU,
    }
    extract_features(network, images, path, **{**options, **changes})
    return path


def project(network, images, features, path, **changes):
    """Write deconv.h5 and return its path."""
    options = {
        "layers": ["1", "3"],
        "image_ids": images.ids,
        "variants": VARIANTS,
        "mean": MEAN,
        "std": STD,
        "select": "unit",
        "top": 3,
        "unpooling": "switches",
        "rule": "deconvnet",
        "storage": "float32",
        "attributes": ATTRIBUTES,
        "device": CPU,
    }
    project_features(network, images, features, path, **{**options, **changes})
    return path


def control(network, images, deconv, path, **changes):
    """Write controls.h5 and return its path."""
    options = {"seeds": 9, "storage": "float32", "attributes": ATTRIBUTES, "device": CPU}
    measure_batch_controls(network, images, deconv, path, **{**options, **changes})
    return path

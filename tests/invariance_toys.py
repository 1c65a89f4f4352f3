"""Small networks, images and measures for the tests of invariance."""

import numpy as np
import torch
from torch import nn

from convscope.images.store import ImageBatch, pixel_digest
from convscope.invariance.engine import Measurer
from convscope.invariance.measure import measure_invariance
from convscope.invariance.storage import Curves, Invariance, compared
from convscope.invariance.transforms import Transform
from convscope.networks.reference import initialised_network

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
CPU = torch.device("cpu")
LAYERS = [
    {"name": "features.1", "common_name": "relu1_1", "kind": "relu", "shape": [4, 32, 32]},
    {"name": "classifier.1", "common_name": "relu3", "kind": "relu", "shape": [6]},
]
ROLES = [{**layer, "role": role} for layer, role in zip(LAYERS, ("bottom", "top"), strict=True)]
TRANSFORMS = (
    Transform("vertical_translation", (-3.0, 0.0, 2.0, 2.5)),
    Transform("scale", (0.7, 1.0, 1.3)),
    Transform("rotation", (0.0, 45.0, 90.0, 360.0)),
)


def toy_network(dtype=torch.float64, seed=0):
    """Return a small VGG for images of any size, which takes noise for one class or another."""
    generator = torch.Generator().manual_seed(seed)
    network = initialised_network((4, 6), 5, 6, generator)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.bias, std=0.1, generator=generator)
    last = network.classifier[2]
    with torch.no_grad():
        last.bias -= network(torch.randn(32, 3, 16, 16, generator=generator)).mean(dim=0)
        last.weight *= 10
        last.bias *= 10
    return network.requires_grad_(False).eval().to(dtype)


def batch_of(pixels, ids=None):
    """Return an image batch of uint8 pixels ``(N, 3, S, S)``."""
    ids = ids or [f"image_{place}" for place in range(len(pixels))]
    digests = tuple(pixel_digest(image) for image in pixels)
    return ImageBatch(tuple(ids), pixels, digests, digests)


def noise_batch(count, side=32, seed=0):
    """Return different images of coloured noise."""
    generator = np.random.default_rng(seed)
    return batch_of(generator.integers(0, 256, (count, 3, side, side), np.uint8))


def measurer(network, *, layers=None, transforms=TRANSFORMS, fill="black", **options):
    """Return a measurer of float64, unless another type is given."""
    options = {"dtype": torch.float64, "mean": MEAN, "std": STD, "device": CPU, **options}
    names = layers or [layer["name"] for layer in LAYERS]
    return Measurer(network, names, transforms, fill, **options)


def distances(network, pixels, transform, **options):
    """Return relative distances ``(N, A, L)`` of images under one transform, in float64."""
    engine = measurer(network, transforms=(transform,), **options)
    found = {}
    for measures in engine.run(batch_of(pixels), [None] * len(pixels)):
        squares = measures.squared_norm
        values = compared(measures.squared_distance, squares, squares[:1])
        found[measures.image] = values["relative_distance"][engine.rows.places[0]]
    return np.stack([found[place] for place in range(len(pixels))])


def write_file(path, network, images, labels, transforms=TRANSFORMS, **options):
    """Measure images and write invariance.h5."""
    measure_invariance(
        network,
        images,
        path,
        layers=ROLES,
        transforms=transforms,
        fill="black",
        labels=labels,
        mean=MEAN,
        std=STD,
        attributes={"network": {"architecture": "toy"}},
        device=CPU,
        **options,
    )
    return path


def made_up(count, transforms, predicted, probability=None, seed=0):
    """Return measures that nobody measured: ``predicted[t]`` is ``(N, A)``, class 0 is clean."""
    generator = np.random.default_rng(seed)
    curves = []
    for transform, classes in zip(transforms, predicted, strict=True):
        shape = (count, len(transform.amounts))
        away = np.abs(np.array(transform.amounts) - transform.kind.neutral)
        growing = np.stack([away, away**2], -1) * generator.uniform(0.5, 1, (count, 1, 2))
        chance = np.full(shape, 0.5) if probability is None else probability
        curves.append(Curves(transform, 3 * growing, growing, 1 - growing, chance, chance, classes))
    return Invariance(
        ids=tuple(f"image_{place}" for place in range(count)),
        pixel_sha256=tuple(str(place) for place in range(count)),
        labels=(0,) * count,
        layers=tuple(ROLES),
        fill="black",
        classes=5,
        curves=tuple(curves),
        clean_norm=np.full((count, 2), 3.0),
        clean_class=np.zeros(count, np.int32),
        clean_class_probability=np.full(count, 0.5),
        clean_label_probability=np.full(count, 0.5),
        reference_pairs=np.array([[0, 1]], np.int32),
        reference_distance=np.array([[3.0, 6.0]]),
        reference_relative_distance=np.array([[1.0, 2.0]]),
        reference_cosine_similarity=np.array([[0.1, 0.2]]),
    )

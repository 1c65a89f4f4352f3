"""Occlusion of real photographs by a real network: exact, and on the animal."""

import copy

import numpy as np
import pytest
import torch

from convscope.images.decode import decode_image
from convscope.images.geometry import resize_and_crop
from convscope.networks.build import construct
from convscope.occlusion.occlude import Occlusion
from convscope.occlusion.occluders import occluder_of
from convscope.occlusion.scores import localisation
from convscope.predictions.scores import softmax
from occlusion_toys import plainly

pytestmark = pytest.mark.real
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
GEOMETRY = {"resize": 256, "crop": 224, "interpolation": "bilinear"}
ANIMALS = {
    "n01518878_ostrich": (9, np.s_[45:172, 85:140]),
    "n02007558_flamingo": (130, np.s_[65:170, 45:182]),
    "n01944390_snail": (113, np.s_[15:205, 20:155]),
}
"""Class and box, seen by eye."""


@pytest.fixture(scope="module")
def network(squeezenet):
    made = construct("squeezenet1_0", classes=1000)
    made.load_state_dict(torch.load(squeezenet, weights_only=True))
    return made.eval().requires_grad_(False)


@pytest.mark.parametrize("name", ANIMALS)
def test_maps_are_exact_and_drop_on_the_animal(name, network, photographs):
    label, box = ANIMALS[name]
    path = photographs[0] / f"{name}.JPEG"
    pixels = resize_and_crop(decode_image(path.read_bytes(), str(path)), GEOMETRY)
    occluder = occluder_of({"name": "a", "stride": 15})
    maps = Occlusion(network, occluder, mean=MEAN, std=STD, method="exact").maps(pixels, label)
    assert maps.top == label
    assert maps.clean_probabilities[0] > 0.9
    assert maps.probabilities[0].min() < 0.05

    mask = np.zeros((224, 224), bool)
    mask[box] = True
    found = localisation(maps.drops(), maps.grid, mask)
    assert found.pointing
    assert found.share_over_uniform > 1.3

    shape = (1, 3, 1, 1)
    mean, std = (torch.tensor(v, dtype=torch.float64).view(shape) for v in (MEAN, STD))
    clean = (torch.from_numpy(pixels).double()[None] / 255 - mean) / std
    fill = (-mean / std).expand_as(clean)
    positions = maps.grid.positions()[::13]
    exactly, plain = (
        softmax(plainly(model, maps.grid, positions, *(x.to(dtype) for x in (clean, fill))))
        for model, dtype in (
            (copy.deepcopy(network).double(), torch.float64),
            (network, torch.float32),
        )
    )
    ours = maps.probabilities[0][tuple(positions.T)]
    assert np.abs(ours - exactly[:, label]).max() <= 1e-5
    assert np.abs(ours - exactly[:, label]).max() <= 5 * np.abs(plain - exactly).max() + 1e-6
    classes = maps.class_map[tuple(positions.T)]
    ordered = np.sort(exactly, 1)
    clear = ordered[:, -1] - ordered[:, -2] >= 2e-5
    assert np.array_equal(classes[clear], exactly.argmax(1)[clear])

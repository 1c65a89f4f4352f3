"""The engine equals a slow loop in every number."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from convscope.errors import UserError
from convscope.invariance.compare import squared_distances, squared_norms
from convscope.invariance.transforms import Transform
from convscope.variants.apply import apply_variant
from invariance_toys import (
    LAYERS,
    MEAN,
    STD,
    TRANSFORMS,
    batch_of,
    measurer,
    noise_batch,
    toy_network,
)

NAMES = [layer["name"] for layer in LAYERS]


def slow_features(network, image):
    """Push one normalised image ``(3, S, S)`` through, layer after layer; copies of all outputs."""
    values, found = image[None].clone(), {}
    for name, module in network.features.named_children():
        values = module(values)
        found[f"features.{name}"] = values.clone()
    values = network.avgpool(values).flatten(1)
    for name, module in network.classifier.named_children():
        values = module(values)
        found[f"classifier.{name}"] = values.clone()
    return found, values[0].tolist()


def slow_distance(one, other):
    return math.sqrt(
        math.fsum(
            (a - b) ** 2
            for a, b in zip(one.flatten().tolist(), other.flatten().tolist(), strict=True)
        )
    )


def slow_measures(network, pixels, transform, amount, fill, label):
    """Return what the engine should find for one image and amount, number by number."""
    dtype = next(network.parameters()).dtype
    centre = torch.tensor(MEAN, dtype=dtype).view(3, 1, 1)
    spread = torch.tensor(STD, dtype=dtype).view(3, 1, 1)
    clean = torch.from_numpy(pixels).to(dtype) / 255
    moved = apply_variant(clean[None], transform.definition(amount, fill), MEAN)[0]
    (before, first), (after, logits) = (
        slow_features(network, (image - centre) / spread) for image in (clean, moved)
    )
    largest = max(logits)
    total = math.fsum(math.exp(value - largest) for value in logits)
    chances = [math.exp(value - largest) / total for value in logits]
    nothing = torch.zeros(1)
    return {
        "distance": [slow_distance(before[name], after[name]) for name in NAMES],
        "norm": [slow_distance(after[name], nothing.expand_as(after[name])) for name in NAMES],
        "label": chances[label],
        "clean": chances[first.index(max(first))],
        "predicted": logits.index(largest),
    }


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-5)], ids=["64", "32"]
)
@pytest.mark.parametrize("fill", ["black", "mean", "reflect", "edge"])
def test_equals_a_slow_loop(dtype, tolerance, fill):
    network = toy_network(dtype)
    images = noise_batch(2, side=16)
    labels = [3, 1]
    engine = measurer(network, fill=fill, dtype=dtype, at_once=4)
    seen = 0
    with torch.no_grad():
        for measures in engine.run(images, labels):
            place = measures.image
            for transform, rows in zip(TRANSFORMS, engine.rows.places, strict=True):
                for amount, row in zip(transform.amounts, rows, strict=True):
                    slow = slow_measures(
                        network, images.pixels[place], transform, amount, fill, labels[place]
                    )
                    scale = slow["norm"]
                    found = np.sqrt(measures.squared_distance[row])
                    assert np.abs(found - slow["distance"]).max() <= tolerance * max(scale)
                    norm = np.sqrt(measures.squared_norm[row])
                    assert norm == pytest.approx(slow["norm"], rel=tolerance)
                    assert measures.label_probability[row] == pytest.approx(
                        slow["label"], abs=tolerance
                    )
                    assert measures.clean_class_probability[row] == pytest.approx(
                        slow["clean"], abs=tolerance
                    )
                    assert measures.predicted[row] == slow["predicted"]
                    seen += 1
    assert seen == 2 * sum(len(transform.amounts) for transform in TRANSFORMS)


def test_large_float32_layers_are_added_up_accurately():
    generator = torch.Generator().manual_seed(0)
    rows = torch.rand(2, 16, 224, 224, generator=generator).contiguous(
        memory_format=torch.channels_last
    )
    clean = rows[0] + 1e-3 * torch.rand(16, 224, 224, generator=generator)
    expected = (rows.double() - clean.double()).square().sum((1, 2, 3))
    assert torch.allclose(squared_distances(rows, clean), expected, rtol=1e-5, atol=0)
    expected = rows.double().square().sum((1, 2, 3))
    assert torch.allclose(squared_norms(rows), expected, rtol=1e-6, atol=0)


def run(engine, images, labels=None):
    found = list(engine.run(images, labels or [None] * len(images.ids)))
    return {measures.image: measures for measures in found}


@pytest.mark.parametrize("at_once", [1, 3, 9, 100])
def test_the_size_of_a_pass_changes_nothing(at_once):
    images = noise_batch(3, side=16)
    network = toy_network()
    found, expected = (
        run(measurer(network, at_once=size), images, [0, None, 4]) for size in (at_once, 9)
    )
    assert sorted(found) == [0, 1, 2]
    for image in found:
        for name in ("squared_distance", "squared_norm", "label_probability", "predicted"):
            one, other = (getattr(side[image], name) for side in (found, expected))
            assert np.allclose(one, other, rtol=1e-12, equal_nan=True)


def test_identities_are_exact_and_not_computed_again():
    engine = measurer(toy_network(torch.float32), dtype=torch.float32, at_once=4)
    vertical, scale, rotation = engine.rows.places
    assert [vertical[1], scale[1], rotation[0], rotation[3]] == [0, 0, 0, 0]
    assert len(engine.rows) == 1 + 3 + 2 + 2
    for measures in engine.run(noise_batch(2, side=16), [None, None]):
        assert (measures.squared_distance[0] == 0).all()
        assert (measures.squared_distance[1:] > 0).all()
        assert np.isnan(measures.label_probability).all()
        assert (measures.clean_class_probability[0] >= 1 / 5).all()


def test_references_are_distances_between_unrelated_images():
    pixels = noise_batch(7, side=16).pixels
    pixels[4] = pixels[1]  # a duplicate
    labels = [0, 1, 2, 2, None, None, 3]
    network = toy_network()
    engine = measurer(network, at_once=5)
    run(engine, batch_of(pixels), labels)
    assert len(engine.reference) >= 7
    pairs = {frozenset(pair) for pair in engine.reference}
    assert len(pairs) == len(engine.reference)
    assert frozenset((2, 3)) not in pairs  # of one class
    assert frozenset((1, 4)) not in pairs  # the same picture
    centre, spread = (torch.tensor(v, dtype=torch.float64).view(3, 1, 1) for v in (MEAN, STD))
    with torch.no_grad():
        features = [
            slow_features(network, (torch.from_numpy(p) / 255.0 - centre) / spread)[0]
            for p in pixels
        ]
    for (one, other), found in engine.reference.items():
        expected = [slow_distance(features[one][name], features[other][name]) for name in NAMES]
        assert np.sqrt(found) == pytest.approx(expected, rel=1e-6)


def hooks_of(network):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules())


def test_hooks_are_gone_afterwards_and_after_a_failure():
    network = toy_network()
    run(measurer(network), noise_batch(1, side=16))
    assert hooks_of(network) == 0
    with torch.no_grad():
        network.classifier[2].bias[0] = float("nan")
    with pytest.raises(UserError, match=r"the logits, image image_0.*NaN"):
        run(measurer(network), noise_batch(1, side=16))
    assert hooks_of(network) == 0
    assert not torch.is_inference_mode_enabled()


def test_between_images_the_caller_is_not_in_inference_mode():
    for _ in measurer(toy_network()).run(noise_batch(2, side=16), [None, None]):
        assert not torch.is_inference_mode_enabled()


def test_a_layer_that_overflows_is_named():
    network = toy_network(torch.float32)
    with torch.no_grad():
        network.features[0].weight.mul_(1e38)
    with pytest.raises(UserError, match=r"layer features\.1, image .*infinity"):
        run(measurer(network, dtype=torch.float32), noise_batch(1, side=16))


@pytest.mark.parametrize(
    ("options", "labels", "word"),
    [
        ({"layers": ["features.1", "fc7"]}, [None], "fc7"),
        ({"fill": "blak"}, [None], "blak"),
        ({}, [5], "class 5"),
        ({}, [-1], "class -1"),
    ],
)
def test_bad_arguments(options, labels, word):
    with pytest.raises(UserError, match=word):
        run(measurer(toy_network(), **options), noise_batch(1, side=16), labels)


def test_an_image_out_of_view_leaves_the_fill():
    transform = Transform("horizontal_translation", (-16.0, 40.0))
    network = toy_network()
    found = run(measurer(network, transforms=[transform], fill="mean"), noise_batch(2, side=16))
    with torch.no_grad():
        features, _ = slow_features(network, torch.zeros(3, 16, 16, dtype=torch.float64))
    expected = [float(features[name].square().sum()) for name in NAMES]
    for measures in found.values():
        for row in (1, 2):
            assert measures.squared_norm[row] == pytest.approx(expected, rel=1e-12)


def test_a_module_called_twice_is_compared_call_by_call():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)
            self.relu = nn.ReLU(inplace=True)
            self.pool = nn.AdaptiveAvgPool2d(1)

        def forward(self, images):
            once = self.relu(self.conv(images))
            return self.pool(self.relu(self.conv(once))).flatten(1)

    torch.manual_seed(0)
    network = Twice().double().eval().requires_grad_(False)
    engine = measurer(network, layers=["conv", "relu", "relu.call2"])
    for measures in engine.run(noise_batch(1, side=16), [None]):
        norms = measures.squared_norm[0]
        assert norms[0] > norms[1]  # before the ReLU, in spite of its working in place
        assert norms[1] != norms[2]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_measures_the_same():
    images, found = noise_batch(3, side=32), []
    for device in ("cpu", "cuda"):
        network = toy_network(torch.float32).to(device)
        engine = measurer(network, dtype=torch.float32, device=torch.device(device))
        found.append(run(engine, images, [0, None, 4]))
    for image in range(3):
        here, there = (side[image] for side in found)
        scale = here.squared_norm.max()
        assert np.abs(here.squared_distance - there.squared_distance).max() < 1e-4 * scale
        assert np.allclose(
            here.label_probability, there.label_probability, atol=1e-4, equal_nan=True
        )

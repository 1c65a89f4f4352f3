"""Projections of a real SqueezeNet on real photographs: equalities, extremes, its classes."""

import copy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from convscope.deconvnet.class_layer import class_layer
from convscope.deconvnet.project import Projector
from convscope.deconvnet.seeds import Unit
from convscope.features.peaks import find_peaks
from convscope.images.decode import decode_image
from convscope.images.geometry import resize_and_crop
from convscope.networks.architectures import load_architecture
from convscope.networks.build import build_network
from convscope.networks.layers import layer_calls
from convscope.networks.weights import convert_weights
from deconvnet_oracles import (
    RULES,
    assert_equal,
    assert_stored_faithfully,
    autograd_oracle,
    captum_projection,
    differences,
    place_of,
    whole,
)

pytestmark = pytest.mark.real
ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURE = load_architecture(ROOT / "workflow/architectures", "squeezenet1_0")
TRANSFORM = ARCHITECTURE.weights[ARCHITECTURE.default_weights]
GEOMETRY = {key: TRANSFORM[key] for key in ("resize", "crop", "interpolation")}
WHOLE = (224, 224)
MIDDLE = (113, 110)


@pytest.fixture(scope="module")
def network(squeezenet, tmp_path_factory):
    weights = tmp_path_factory.mktemp("weights") / "squeezenet.safetensors"
    convert_weights(squeezenet, "squeezenet1_0", 1000, weights)
    return build_network("squeezenet1_0", weights, classes=1000, device="cpu")


@pytest.fixture(scope="module")
def images(photographs):
    """Return the seven photographs of the main experiment by class, normalised, float32."""
    folder, rows = photographs
    mean, std = (torch.tensor(TRANSFORM[key])[:, None, None] for key in ("mean", "std"))
    found = {}
    for row in rows:
        if row["report_class"] == "yes":
            image = decode_image((folder / row["file"]).read_bytes(), row["file"])
            pixels = torch.from_numpy(resize_and_crop(image, GEOMETRY))
            found[row["class_name"]] = ((pixels / 255 - mean) / std)[None]
    assert len(found) == 7
    return found


@pytest.fixture(scope="module")
def middle(network, images):
    """Return the middle of the ostrich in float64, where every layer is quickly compared."""
    image = images["ostrich"][..., 50 : 50 + MIDDLE[0], 60 : 60 + MIDDLE[1]].double()
    double = copy.deepcopy(network).double()
    layers = [call.layer for call in layer_calls(double)]
    return SimpleNamespace(image=image, network=double, layers=layers)


def strongest_units(tape, layers, count):
    units = []
    for layer in layers:
        values, positions = find_peaks(tape.activations[layer], layer)
        for channel in values[0].topk(count).indices.tolist():
            units.append(Unit(layer, channel, *positions[0, channel].tolist()))
    return units


def test_positive_units_of_every_layer_equal_their_activation_times_captums(middle):
    projector = Projector(middle.network, image_size=MIDDLE)
    tape = projector.record(middle.image, middle.layers)
    units = strongest_units(tape, middle.layers, 1)

    for unit, projection in zip(units, projector.project(tape, units), strict=True):
        assert projection.activation > 0
        layer = middle.network.get_submodule(unit.layer)
        place = (unit.channel, unit.row, unit.column)
        expected = captum_projection(middle.network, layer, middle.image, place)
        assert_equal(whole(projection, MIDDLE), projection.activation * expected)


def test_negative_units_maps_and_layers_of_every_layer_equal_autograds(middle):
    negatives = 0
    for turn, rule in enumerate(RULES):
        projector = Projector(middle.network, rule=rule, image_size=MIDDLE)
        tape = projector.record(middle.image, middle.layers)
        units = []
        for number, layer in enumerate(middle.layers):
            values = tape.activations[layer][0]
            channel = int(values.flatten(1).amin(1).argmin())
            lowest = Unit(layer, channel, *place_of(values, channel, largest=False))
            kinds = [lowest, Unit(layer, channel), Unit(layer)]
            units.append(kinds[(number + turn) % 3])
            if rule == "deconvnet" and values.min() < 0 and units[-1] != lowest:
                units.append(lowest)
        project = autograd_oracle(middle.network, rule, middle.image)
        for unit, projection in zip(units, projector.project(tape, units), strict=True):
            assert_equal(whole(projection, MIDDLE), project(unit))
            negatives += projection.activation < 0
    assert negatives >= 26


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)], ids=str
)
def test_cropped_equals_whole_and_is_zero_outside(network, images, dtype, tolerance):
    network = copy.deepcopy(network).to(dtype)
    image = images["snail"].to(dtype)
    layers = [call.layer for call in layer_calls(network) if call.kind in ("conv", "maxpool")]
    cropped = Projector(network)
    tape = cropped.record(image, layers)
    units = strongest_units(tape, layers, 1)

    uncropped = Projector(network, crop=False).project(tape, units)
    for small, large in zip(cropped.project(tape, units), uncropped, strict=True):
        assert_equal(whole(small, WHOLE), large.pixels, tolerance)
        outside = large.pixels.copy()
        top, left, bottom, right = small.box
        outside[:, top:bottom, left:right] = 0
        assert not outside.any()


def test_projections_beyond_float16_are_stored_faithfully(network, images):
    projector = Projector(network)
    layers = [call.layer for call in layer_calls(network)]
    tape = projector.record(images["jellyfish"], layers)

    projections = projector.project(tape, strongest_units(tape, layers, 2))

    largest = max(float(np.abs(projection.pixels).max()) for projection in projections)
    assert largest > 1e6 > float(np.finfo(np.float16).max)
    for projection in projections:
        assert_stored_faithfully(projection.pixels)


def test_classes_start_where_rectification_leaves_something(network, images):
    start = class_layer(ARCHITECTURE).name
    logits = ARCHITECTURE.layers[-1].name
    vanished, arrived = [], []
    for name, image in images.items():
        projector = Projector(network)
        tape = projector.record(image, [start, logits])
        channel = int(tape.activations[logits].argmax())
        place = place_of(tape.activations[start][0], channel)
        units = [Unit(logits, channel, 0, 0), Unit(start, channel, *place)]
        pooled, strongest = projector.project(tape, units)
        assert pooled.activation > 0
        if not pooled.pixels.any():
            assert pooled.rectified_to_zero_at == "features.9.squeeze_activation"
            vanished.append(name)
        if strongest.pixels.any():
            assert strongest.rectified_to_zero_at is None
            arrived.append(name)
    assert start == "classifier.1"
    assert len(vanished) == 5
    assert len(arrived) == 7


def test_interpolation_is_far_from_the_switches_above_the_first_pool(network, images):
    layers = [call.layer for call in layer_calls(network) if call.kind == "conv"]
    found = {layer: [] for layer in layers}
    for name in ("ostrich", "flamingo"):
        exact = Projector(network)
        tape = exact.record(images[name], layers)
        units = strongest_units(tape, layers, 2)
        approximate = Projector(network, unpooling="interpolate").project(tape, units)
        for pair in zip(exact.project(tape, units), approximate, strict=True):
            if pair[0].pixels.any():
                found[pair[0].unit.layer].append(differences(*pair, WHOLE))

    medians = {layer: np.median(values, 0) for layer, values in found.items()}
    assert tuple(medians.pop("features.0")) == (0, pytest.approx(1))
    relative, cosine = np.array(list(medians.values())).T
    assert relative.min() > 0.8
    assert 1.2 < np.median(relative) < 2.5
    assert cosine.max() < 0.8
    assert 0.05 < np.median(cosine) < 0.35

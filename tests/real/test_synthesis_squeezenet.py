"""A trained network's classes are maximised to images that it names, its layers inverted."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from convscope.classes.lists import class_list
from convscope.deconvnet.program import program_of
from convscope.images.prepare import prepare_images
from convscope.images.store import pixel_digest, read_images
from convscope.networks.build import build_network
from convscope.networks.weights import convert_weights
from convscope.synthesis.invert import invert_features
from convscope.synthesis.maximise import NamedClass, maximise_class
from convscope.synthesis.settings import class_indices, preset_settings
from convscope.synthesis.storage import read_inversion, read_maximisation

pytestmark = pytest.mark.real
TRANSFORM = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
GEOMETRY = {"resize": 256, "crop": 224, "interpolation": "bilinear"}
CPU = torch.device("cpu")
PRESETS = ("ladder_a", "ladder_c", "ladder_e", "ladder_f")
ITERATIONS, SETTLED = 60, 15
SIDE = 64


@pytest.fixture(scope="module")
def network(tmp_path_factory, squeezenet):
    weights = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    convert_weights(squeezenet, "squeezenet1_0", 1000, weights)
    return build_network("squeezenet1_0", weights, classes=1000, device="cpu")


@pytest.mark.parametrize("name", ["flamingo", "ostrich", "snail"])
def test_the_label_is_top_1_on_what_is_shown(network, tmp_path, name):
    (index,) = class_indices([name], class_list("imagenet"), "classes")
    assert index == {"flamingo": 130, "ostrich": 9, "snail": 113}[name]
    maximise_class(
        network,
        tmp_path / "m.h5",
        target=NamedClass(index, name),
        presets={preset: preset_settings(preset, iterations=ITERATIONS) for preset in PRESETS},
        seeds=[0],
        device=CPU,
        **TRANSFORM,
    )
    made = read_maximisation(tmp_path / "m.h5")
    assert made.objective["layer"] == "classifier.1"
    assert made.shown_class.tolist() == [index] * len(PRESETS)
    assert (made.shown_probability > 0.99).all()
    # Not by luck: the last images before this one are named as surely.
    assert (made.probability[:, -SETTLED:] > 0.99).all()
    a, c, e, _ = made.variation
    assert a > c > e


def test_layers_of_the_first_half_keep_what_their_inversion_shows(network, tmp_path, photographs):
    folder, rows = photographs
    sources = {
        row["file"].removesuffix(".JPEG"): {
            "file": str(folder / row["file"]),
            "sha256": row["sha256"],
        }
        for row in rows[12:92:10]
    }
    prepare_images(sources, GEOMETRY, tmp_path / "images.h5", packages={})
    images = centres(read_images(tmp_path / "images.h5"))
    program = program_of(network, images.pixels.shape[2:])
    known = [step.layer for step in program.steps if step.layer]
    layers = known[: known.index("features.7") + 1]
    assert len(layers) == 32
    invert_features(
        network,
        images,
        tmp_path / "i.h5",
        ids=images.ids[:1],
        layers={layer: layer for layer in layers},
        presets={"published_prior": preset_settings("published_prior", iterations=130)},
        seed=0,
        device=CPU,
        **TRANSFORM,
    )
    found = read_inversion(tmp_path / "i.h5")
    assert [row["layer"] for row in found.rows] == layers
    assert (found.e2 <= 0.25).all()
    assert (found.e2 < 0.3 * found.control_e2).all()
    assert spearmanr(range(len(layers)), found.psnr).statistic < -0.8


def centres(images):
    """Return the middle of each image, as fine as it was: all layers in a fraction of the time."""
    edge = (images.pixels.shape[2] - SIDE) // 2
    pixels = np.ascontiguousarray(images.pixels[:, :, edge:-edge, edge:-edge])
    return replace(images, pixels=pixels, pixel_sha256=tuple(pixel_digest(own) for own in pixels))

"""Peaks that belong to other weights, images or settings are refused, and nothing is left."""

import copy

import h5py
import numpy as np
import pytest

from convscope.errors import UserError
from convscope.images.store import ImageBatch
from toy_batches import (
    ATTRIBUTES,
    VARIANTS,
    extract,
    linear_network,
    pooled_network,
    project,
    toy_images,
)


@pytest.fixture(scope="module")
def images():
    return toy_images()


@pytest.fixture(scope="module")
def features(images, tmp_path_factory):
    return extract(linear_network(), images, tmp_path_factory.mktemp("toy") / "features.h5")


OTHER = {**ATTRIBUTES, "network": {"architecture": "toy", "weights_sha256": "6" * 64}}
SWAPPED = {
    **VARIANTS,
    "turned": {"definition": VARIANTS["normal"]["definition"], "images": ["a"]},
}
MISSING = {"normal": VARIANTS["normal"], "upside_down": VARIANTS["normal"]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": ["1", "44"]}, r"deconvnet\.layers: .*no layer '44'.*Near it: 4"),
        ({"top": 7}, r"deconvnet\.top: 7 strongest .* layer 1 has 6.*from 1 to 6"),
        ({"top": 0}, r"deconvnet\.top: 0 strongest"),
        ({"select": "all"}, r"deconvnet\.select: 'all'.*unit, map, layer"),
        ({"rule": "relu"}, r"rectification: 'relu'"),
        ({"unpooling": "no"}, r"unpooling: 'no'"),
        ({"image_ids": ["a", "z"]}, r"deconvnet\.images: the batch has no image 'z'"),
        ({"attributes": OTHER}, r"features\.h5: the weights changed .*Delete this file"),
        ({"std": (0.2, 0.2, 0.2)}, r"features\.h5: .*normalised otherwise.*Delete"),
        ({"variants": SWAPPED}, r"features\.h5: its variant 'turned' is defined otherwise"),
        ({"variants": MISSING}, r"features\.h5: it holds no variant 'upside_down' of image 'a'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_does_not_fit_is_refused(images, features, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        project(linear_network(), images, features, tmp_path / "d.h5", **changes)
    assert list(tmp_path.iterdir()) == []


def test_other_pixels_are_refused(images, features, tmp_path):
    digests = (images.pixel_sha256[0], "0" * 64, images.pixel_sha256[2])
    others = ImageBatch(images.ids, images.pixels, images.source_sha256, digests)

    with pytest.raises(UserError, match=r"image 'b' had other pixels.*Delete"):
        project(linear_network(), others, features, tmp_path / "d.h5")
    project(linear_network(), others, features, tmp_path / "d.h5", image_ids=["a", "c"])


def test_other_layers_are_refused(images, features, tmp_path):
    with pytest.raises(UserError, match="its layers are not the network's"):
        project(pooled_network(), images, features, tmp_path / "d.h5")


def test_weights_that_changed_under_the_same_name_are_refused(images, features, tmp_path):
    network = copy.deepcopy(linear_network())
    network[3].weight.mul_(1.01)

    project(network, images, features, tmp_path / "below.h5", layers=["1"])
    with pytest.raises(UserError, match=r"image a, variant normal: .*weights changed.*layer 3"):
        project(network, images, features, tmp_path / "d.h5", layers=["1", "3"])


@pytest.mark.parametrize("where", ["peaks", "weights"])
def test_nan_is_refused_by_layer(images, features, tmp_path, where):
    network = copy.deepcopy(linear_network())
    path = tmp_path / "features.h5"
    path.write_bytes(features.read_bytes())
    if where == "peaks":
        with h5py.File(path, "a") as file:
            file["variants/normal/peak_value"][0, 6 + 6 + 6 + 1] = np.nan
        message = r"layer 3 of .*features\.h5, image a.*channel 1 is NaN"
    else:
        network[3].weight[1] = np.nan
        message = r"layer 3: it computes NaN"
    with pytest.raises(UserError, match=message):
        project(network, images, path, tmp_path / "d.h5", layers=["1", "3"])


def test_a_projection_beyond_float32_is_refused(images, tmp_path):
    network = copy.deepcopy(linear_network())
    network[0].weight.mul_(1e25)
    network[0].bias.zero_()
    features = extract(network, images, tmp_path / "features.h5")
    with pytest.raises(UserError, match=r"layer 1, channel .* is not finite"):
        project(network, images, features, tmp_path / "d.h5", layers=["1"])

"""Resizing and cropping equal torchvision's preset bit for bit."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.models import AlexNet_Weights, EfficientNet_B0_Weights, Inception_V3_Weights
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

from convscope.errors import UserError
from convscope.images.decode import MAXIMUM_PIXELS
from convscope.images.geometry import INTERPOLATIONS, check_geometry, resize_and_crop, resized_size

PRESET = {"resize": 256, "crop": 224, "interpolation": "bilinear"}


def noise(width, height, seed=0):
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(values)


def preset_pixels(image, geometry):
    """Return what torchvision's preset gives, before the mean and standard deviation."""
    transform = ImageClassification(
        crop_size=geometry["crop"],
        resize_size=geometry["resize"],
        interpolation=InterpolationMode(geometry["interpolation"]),
        mean=(0, 0, 0),
        std=(1, 1, 1),
    )
    return transform(image)


def assert_same(image, geometry):
    found = resize_and_crop(image, geometry)
    assert found.dtype == np.uint8
    assert found.shape == (3, 224, 224)
    assert found.flags["C_CONTIGUOUS"]
    assert torch.equal(torch.from_numpy(found) / 255, preset_pixels(image, geometry))


@pytest.mark.parametrize(
    "size",
    [(500, 375), (375, 500), (224, 224), (256, 256), (257, 255), (8, 8), (8, 301), (333, 101)],
)
def test_equals_the_preset_bit_for_bit(size):
    assert_same(noise(*size), PRESET)


@pytest.mark.parametrize("interpolation", ["nearest", "box", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("resize", [224, 232, 342])
def test_equals_the_preset_at_other_settings(resize, interpolation):
    geometry = {"resize": resize, "crop": 224, "interpolation": interpolation}
    assert_same(noise(301, 217), geometry)


@pytest.mark.parametrize("size", [(60, 40), (40, 61), (41, 400), (300, 41), (57, 57)])
@pytest.mark.parametrize("resize", [41, 100, 223])
def test_pads_with_black_like_the_preset(size, resize):
    assert_same(noise(*size), {**PRESET, "resize": resize})


@settings(max_examples=40, deadline=None)
@given(st.integers(8, 400), st.integers(8, 400), st.integers(20, 300))
def test_equals_the_preset_for_any_size(width, height, resize):
    assert_same(noise(width, height), {**PRESET, "resize": resize})


@pytest.mark.parametrize("weights", [AlexNet_Weights.DEFAULT, EfficientNet_B0_Weights.DEFAULT])
def test_equals_the_transforms_of_real_weights(weights):
    transform = weights.transforms()
    geometry = {
        "resize": transform.resize_size[0],
        "crop": transform.crop_size[0],
        "interpolation": transform.interpolation.value,
    }
    image = noise(311, 277)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (transform.mean, transform.std))
    found = torch.from_numpy(resize_and_crop(image, geometry)) / 255
    assert torch.equal((found - mean) / std, transform(image))


def test_the_crop_of_299_is_refused_by_name():
    crop = Inception_V3_Weights.DEFAULT.transforms().crop_size[0]
    with pytest.raises(UserError, match="299") as caught:
        check_geometry({**PRESET, "crop": crop}, where="networks: inception: preprocessing")
    assert caught.value.where == "networks: inception: preprocessing: crop"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"resize": 0}, "resize"),
        ({"resize": 256.5}, "resize"),
        ({"resize": True}, "resize"),
        ({"resize": 10**6}, "resize"),
        ({"interpolation": "bilinaer"}, "Did you mean bilinear"),
        ({"interpolation": 2}, "interpolation"),
        ({"antialias": True}, "antialias"),
    ],
)
def test_bad_geometries_are_refused(change, word):
    with pytest.raises(UserError, match=word):
        resize_and_crop(noise(300, 300), {**PRESET, **change})


def test_a_missing_key_is_refused():
    with pytest.raises(UserError, match="interpolation"):
        check_geometry({"resize": 256, "crop": 224})


def test_a_long_thin_image_is_refused_before_it_grows():
    # 8 x 100 000 pixels are few, but 256 x 3 200 000 are not.
    assert MAXIMUM_PIXELS < 256 * 3_200_000
    with pytest.raises(UserError, match="8x100000") as caught:
        resize_and_crop(Image.new("RGB", (8, 100_000)), PRESET, where="image worm")
    assert caught.value.where == "image worm"


def test_the_longer_side_is_cut_off_not_rounded():
    assert resized_size((100, 199), 256) == (256, 509)  # 509.44
    assert resized_size((199, 101), 256) == (504, 256)  # 504.4
    assert resized_size((300, 299), 256) == (256, 256)  # 256.86


def test_every_interpolation_is_pillows():
    for name in INTERPOLATIONS:
        assert resize_and_crop(noise(30, 40), {**PRESET, "interpolation": name}).any()

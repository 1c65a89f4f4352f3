"""The index path of the variants equals slow loops, in bytes and floats, numpy and torch."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.variants.definitions import definition_of
from convscope.variants.exact import apply_exact, occlude, rotated, shifted

MEAN = (0.485, 0.456, 0.406)
KINDS = {
    "numpy uint8": lambda values: values,
    "numpy float": lambda values: values / 255,
    "torch uint8": torch.from_numpy,
    "torch float": lambda values: torch.from_numpy(values) / 255,
}


def values(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def same(found, expected):
    assert type(found) is type(expected)
    assert found.dtype == expected.dtype
    return bool((found == expected).all()) and found.shape == expected.shape


@pytest.fixture(params=KINDS)
def make(request):
    return KINDS[request.param]


@pytest.mark.parametrize("turns", range(-4, 6))
def test_rotation_is_rot90(make, turns):
    for shape in ((2, 3, 6, 6), (3, 5, 8)):
        images = make(values(*shape))
        rot90 = torch.rot90 if isinstance(images, torch.Tensor) else np.rot90
        assert same(rotated(images, turns), rot90(images, turns, (-2, -1)))


def test_anticlockwise_takes_the_right_edge_to_the_top(make):
    images = make(values(3, 224, 224))
    assert same(rotated(images, 1)[:, 0], images[:, :, 223])
    clockwise = apply_exact(images, definition_of("rotate_90_clockwise", {}))
    assert same(clockwise[:, :, 223], images[:, 0])


def slow_shift(image, right, down, fill, level):
    """Move (C, H, W) pixel by pixel; ``level`` holds the colour of a constant fill."""
    moved = image.copy()
    channels, height, width = image.shape
    for channel in range(channels):
        for row in range(height):
            for column in range(width):
                y, x = row - down, column - right
                if fill == "edge":
                    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
                if fill == "reflect":
                    while not 0 <= y < height:
                        y = -y if y < 0 else 2 * (height - 1) - y
                    while not 0 <= x < width:
                        x = -x if x < 0 else 2 * (width - 1) - x
                inside = 0 <= y < height and 0 <= x < width
                moved[channel, row, column] = image[channel, y, x] if inside else level[channel]
    return moved


@pytest.mark.parametrize("fill", ["black", "grey", "mean", "reflect", "edge"])
@settings(max_examples=25, deadline=None)
@given(right=st.integers(-20, 20), down=st.integers(-20, 20))
def test_shifts_equal_a_loop(fill, right, down):
    image = values(3, 6, 7)
    colour = {"grey": (128,) * 3, "mean": tuple(round(255 * m) for m in MEAN)}
    expected = slow_shift(image, right, down, fill, colour.get(fill, (0, 0, 0)))
    for make in KINDS.values():
        found = shifted(make(image), right, down, fill, MEAN)
        if found.dtype in (np.uint8, torch.uint8):
            assert same(found, make(expected))
        else:
            tolerance = 0.5 / 255 if fill == "mean" else 0
            assert float(abs(found - make(expected)).max()) <= tolerance


def test_shifts_are_slices():
    images = torch.rand(2, 3, 224, 224)
    moved = shifted(images, 7, -5, "black")
    assert torch.equal(moved[..., :-5, 7:], images[..., 5:, :-7])
    assert not moved[..., :7].any()
    assert not moved[..., -5:, :].any()


@pytest.mark.parametrize("shift", [224, 10**6])
def test_an_image_out_of_view_leaves_the_fill(make, shift):
    moved = shifted(make(values(3, 224, 224)), shift, 0, "grey")
    grey = 128 if moved.dtype in (np.uint8, torch.uint8) else 128 / 255
    assert bool((moved == grey).all())


def occlusion(place, size, grey=128):
    return definition_of("own", {"own": {"occlude": place, "size": size, "grey": grey}})


@pytest.mark.parametrize(
    ("place", "size", "first", "last"),
    [
        ("centre", 80, 72, 151),
        ("centre", 81, 71, 151),
        ("corner", 80, 0, 79),
        ("centre", 224, 0, 223),
    ],
)
def test_occlusion_covers_the_stated_square(make, place, size, first, last):
    images = make(values(2, 3, 224, 224) // 2)
    before = images + 0
    found = apply_exact(images, occlusion(place, size, 200))
    inside = np.zeros((224, 224), bool)
    inside[first : last + 1, first : last + 1] = True
    level = 200 if found.dtype in (np.uint8, torch.uint8) else 200 / 255
    if isinstance(found, torch.Tensor):
        inside = torch.from_numpy(inside)
    assert bool((found[..., inside] == level).all())
    assert same(found[..., ~inside], before[..., ~inside])
    assert same(images, before)


def test_grey_of_128_is_the_same_in_bytes_and_floats():
    image = values(3, 224, 224)
    for grey in range(256):
        definition = occlusion("corner", 2, grey)
        as_bytes = torch.from_numpy(occlude(image, definition)).to(torch.float32) / 255
        as_floats = occlude(torch.from_numpy(image).to(torch.float32) / 255, definition)
        assert torch.equal(as_bytes, as_floats)


def test_rotation_comes_before_the_shift_and_occlusion_last(make):
    definition = definition_of(
        "own", {"own": {"rotate": 90, "right": 10, "occlude": "corner", "size": 3, "grey": 0}}
    )
    images = make(values(3, 224, 224))
    expected = shifted(rotated(images, 1), 10, 0, "black")
    expected[..., :3, :3] = 0
    assert same(apply_exact(images, definition), expected)


def test_normal_is_the_image_itself(make):
    images = make(values(3, 8, 8))
    assert apply_exact(images, definition_of("normal", {})) is images


def test_what_needs_interpolation_is_refused():
    with pytest.raises(ValueError, match="interpolation"):
        apply_exact(values(3, 8, 8), definition_of("own", {"own": {"rotate": 45}}))


def test_a_square_larger_than_the_image_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        occlude(values(3, 8, 8), occlusion("centre", 9))

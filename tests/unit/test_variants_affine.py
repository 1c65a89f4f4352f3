"""Affine variants equal a slow loop, torchvision inside, and the index path where it applies."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2.functional import affine as torchvision_affine

from convscope.variants.affine import affine
from convscope.variants.apply import apply_variant
from convscope.variants.definitions import definition_of
from convscope.variants.draw import draw_variant
from convscope.variants.exact import apply_exact

MEAN = (0.485, 0.456, 0.406)
FILLS = ("black", "grey", "mean", "reflect", "edge")
LEVELS = {"black": (0, 0, 0), "grey": (128 / 255,) * 3, "mean": MEAN}


def noise(count=1, side=224, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, side, side, generator=generator, dtype=dtype)


def smooth(side=224):
    """Return an asymmetric image without steps, ``(1, 3, side, side)`` float64."""
    rows, columns = torch.meshgrid(*[torch.arange(side, dtype=torch.float64)] * 2, indexing="ij")
    waves = [torch.sin(rows / 17 + c) + torch.cos(columns / 23 + 2 * c) for c in range(3)]
    return torch.stack(waves)[None] / 4 + 0.5


def pixel_behind(image, x, y, fill):
    """Return the colour at whole (x, y), inside or outside the image (3, S, S)."""
    side = image.shape[-1]
    if fill == "edge":
        x, y = min(max(x, 0), side - 1), min(max(y, 0), side - 1)
    if fill == "reflect":
        while not 0 <= x < side:
            x = -x if x < 0 else 2 * (side - 1) - x
        while not 0 <= y < side:
            y = -y if y < 0 else 2 * (side - 1) - y
    if 0 <= x < side and 0 <= y < side:
        return image[:, y, x].tolist()
    return LEVELS[fill]


def slow_pixel(image, row, column, rotate, scale, right, down, fill):
    """Compute one output pixel in complex numbers, with the imaginary axis upwards."""
    centre = (image.shape[-1] - 1) / 2
    place = complex(column - centre - right, -(row - centre - down))
    turned = (
        place / scale * complex(math.cos(math.radians(-rotate)), math.sin(math.radians(-rotate)))
    )
    x, y = turned.real + centre, -turned.imag + centre
    colour = [0.0, 0.0, 0.0]
    for corner_y in (math.floor(y), math.floor(y) + 1):
        for corner_x in (math.floor(x), math.floor(x) + 1):
            weight = (1 - abs(x - corner_x)) * (1 - abs(y - corner_y))
            behind = pixel_behind(image, corner_x, corner_y, fill)
            colour = [c + weight * b for c, b in zip(colour, behind, strict=True)]
    return colour


@pytest.mark.parametrize("fill", FILLS)
@settings(max_examples=40, deadline=None)
@given(
    rotate=st.floats(-400, 400),
    scale=st.floats(0.3, 3),
    right=st.floats(-30, 30),
    down=st.floats(-30, 30),
    seed=st.integers(0, 5),
)
def test_equals_a_slow_loop_at_every_border_and_inside(fill, rotate, scale, right, down, seed):
    side = 12
    image = noise(side=side, seed=seed)
    found = affine(
        image, rotate=rotate, scale=scale, right=right, down=down, fill=fill, mean_rgb=MEAN
    )
    for row, column in [(0, 0), (0, side - 1), (side - 1, 0), (5, 6), (3, 9), (side - 1, 4)]:
        expected = slow_pixel(image[0], row, column, rotate, scale, right, down, fill)
        assert found[0, :, row, column].tolist() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("rotate", "scale", "right", "down"),
    [(30, 1, 0, 0), (-75.5, 1, 0, 0), (0, 1.4, 0, 0), (200, 0.8, 0, 0), (17, 1.2, 9, -14)],
)
def test_equals_torchvision_inside(rotate, scale, right, down):
    image = noise()
    found = affine(image, rotate=rotate, scale=scale, right=right, down=down)
    expected = torchvision_affine(
        image,
        angle=-rotate,  # torchvision turns clockwise
        translate=[right, down],
        scale=scale,
        shear=[0.0, 0.0],
        interpolation=InterpolationMode.BILINEAR,
    )
    whole = affine(torch.ones_like(image), rotate=rotate, scale=scale, right=right, down=down)
    interior = whole > 1 - 1e-9
    assert interior.float().mean() > 0.5
    assert (found - expected)[interior].abs().max() < 1e-4  # torchvision's grid is float32
    assert (found - image).abs().max() > 0.1


def test_positive_angles_are_anticlockwise():
    image = torch.zeros(1, 3, 224, 224)
    image[..., 105:119, 190:200] = 1  # a mark at three o'clock
    moved = affine(image, rotate=45.0)[0, 0]
    rows, columns = torch.nonzero(moved > 0.5).double().mean(dim=0).tolist()
    reach = (194.5 - 111.5) * math.sqrt(0.5)
    assert (rows, columns) == pytest.approx((111.5 - reach, 111.5 + reach), abs=0.5)


def test_positive_shifts_go_right_and_down():
    image = torch.zeros(1, 3, 224, 224, dtype=torch.float64)
    image[..., 50, 60] = 1
    moved = affine(image, right=10.25, down=3.5)[0, 0]
    assert torch.nonzero(moved > 1e-9).tolist() == [[53, 70], [53, 71], [54, 70], [54, 71]]
    assert moved[53, 70].item() == pytest.approx(0.75 * 0.5)


def test_scale_above_one_enlarges_about_the_centre():
    image = torch.zeros(1, 3, 224, 224, dtype=torch.float64)
    image[..., 100:124, 100:124] = 1
    assert affine(image, scale=2.0)[0, 0].sum().item() == pytest.approx(48**2, rel=1e-9)
    enlarged = affine(image, scale=2.0)
    assert torch.allclose(enlarged, enlarged.flip(-1), atol=1e-12)
    assert torch.allclose(enlarged, enlarged.flip(-2), atol=1e-12)


@pytest.mark.parametrize(
    ("rotate", "turns"), [(0, 0), (90, 1), (-90, 3), (180, 2), (270, 3), (360, 0), (810, 1)]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_quarter_turns_are_rot90(rotate, turns, dtype):
    images = noise(2, dtype=dtype)
    assert torch.equal(affine(images, rotate=rotate), torch.rot90(images, turns, (-2, -1)))


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize(("right", "down"), [(0, 0), (7, 0), (-60, 13), (0, -1), (223, 224)])
def test_whole_shifts_move_pixels_exactly(fill, right, down):
    images = noise(2, dtype=torch.float32)
    moved = affine(images, right=right, down=down, fill=fill, mean_rgb=MEAN)
    kept = moved[..., max(down, 0) : 224 + min(down, 0), max(right, 0) : 224 + min(right, 0)]
    origin = images[..., max(-down, 0) : 224 - max(down, 0), max(-right, 0) : 224 - max(right, 0)]
    assert torch.equal(kept, origin)


@pytest.mark.parametrize("fill", FILLS)
def test_the_index_path_and_sampling_meet(fill):
    image = smooth()
    for rotate, right, down in [(90, 31, -12), (0, -250, 3), (270, 0, 0), (180, 5, 300)]:
        exact = affine(image, rotate=rotate, right=right, down=down, fill=fill, mean_rgb=MEAN)
        near = affine(image, rotate=rotate + 1e-9, right=right, down=down, fill=fill, mean_rgb=MEAN)
        assert (exact - near).abs().max() < 1e-6


def test_amounts_for_each_sample():
    images = noise(4)
    rotate = torch.tensor([0.0, 90.0, 33.0, 0.0])
    right = torch.tensor([0.0, 4.0, 1.5, -9.0])
    scale = torch.tensor([1.0, 1.0, 1.3, 1.0])
    together = affine(images, rotate=rotate, scale=scale, right=right, down=2.0, fill="edge")
    for row in range(4):
        alone = affine(
            images[row : row + 1],
            rotate=rotate[row].item(),
            scale=scale[row].item(),
            right=right[row].item(),
            down=2.0,
            fill="edge",
        )
        assert torch.allclose(together[row], alone[0], atol=1e-6)
    assert torch.equal(together[0, :, 2:], images[0, :, :-2])


def test_one_image_is_repeated_for_many_amounts():
    image = noise()
    amounts = torch.tensor([-2.0, 0.0, 0.5, 3.0])
    found = affine(image, right=amounts)
    assert found.shape == (4, 3, 224, 224)
    assert torch.equal(found[1], image[0])
    assert torch.equal(found[3, ..., 3:], image[0, ..., :-3])


def test_the_input_is_neither_changed_nor_shared():
    image = noise()
    before = image.clone()
    for angle in (0.0, 90.0, 10.0):
        affine(image, rotate=angle).zero_()
    assert torch.equal(image, before)


def test_an_image_of_the_fill_stays_the_fill_under_any_transform():
    image = torch.tensor(MEAN).view(1, 3, 1, 1).expand(1, 3, 224, 224)
    moved = affine(image, rotate=31.0, scale=0.7, right=8.3, down=-4.2, fill="mean", mean_rgb=MEAN)
    assert (moved - image).abs().max() < 1e-6


def test_a_constant_fill_lies_under_the_border():
    image = torch.ones(1, 3, 8, 8, dtype=torch.float64)
    moved = affine(image, right=2.25, fill="grey")[0, 0, 0]
    grey = 128 / 255
    assert moved.tolist() == pytest.approx([grey, grey, 0.75 + 0.25 * grey, 1, 1, 1, 1, 1])


@pytest.mark.parametrize(
    ("images", "amounts", "word"),
    [
        (noise()[:, :2], {}, "RGB"),
        (noise()[..., :-1], {}, "square"),
        (noise()[0], {}, "square"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), {}, "floating"),
        (noise(), {"scale": 0.0}, "scales above 0"),
        (noise(), {"scale": -1.0}, "scales above 0"),
        (noise(), {"rotate": float("nan")}, "finite"),
        (noise(), {"fill": "white"}, "white"),
        (noise(), {"fill": "mean"}, "mean_rgb"),
        (noise(2), {"right": torch.zeros(3)}, "broadcast"),
    ],
)
def test_bad_arguments(images, amounts, word):
    with pytest.raises(ValueError, match=word):
        affine(images, **amounts)


DEFINITIONS = {
    "corner_occlusion": {"occlude": "corner", "size": 80},
    "centre_occlusion": {"occlude": "centre", "size": 80, "grey": 100},
    "tilted": {"rotate": 20, "scale": 1.2, "right": 4, "down": -7.5, "fill": "mean"},
    "tilted_square": {"rotate": 20, "fill": "edge", "occlude": "centre", "size": 80},
    "small": {"scale": 0.6, "fill": "grey"},
    "mirrored": {"scale": 0.4, "rotate": 10, "fill": "reflect"},
    "moved": {"right": 30, "down": -20, "fill": "mean"},
}
NAMES = ["normal", "rotate_90_clockwise", "rotate_90_anticlockwise", "rotate_180", *DEFINITIONS]


@pytest.mark.parametrize("name", NAMES)
def test_bytes_and_floats_give_the_same_variant(name):
    pixels = (noise(2) * 255).round().to(torch.uint8)
    definition = definition_of(name, DEFINITIONS)
    found = apply_variant(pixels, definition, MEAN)
    assert found.dtype == torch.float32
    assert found.min() >= 0
    assert found.max() <= 1
    assert torch.equal(found, apply_variant(pixels.to(torch.float32) / 255, definition, MEAN))


@pytest.mark.parametrize("name", NAMES)
def test_a_drawing_shows_what_the_network_sees(name):
    pixels = (smooth() * 255).round().to(torch.uint8)
    definition = definition_of(name, DEFINITIONS)
    drawn = draw_variant(pixels[0].numpy(), definition, MEAN)
    seen = apply_variant(pixels, definition, MEAN)[0].numpy() * 255
    assert drawn.dtype == np.uint8
    assert drawn.shape == (3, 224, 224)
    assert np.abs(drawn - seen).max() <= 0.51


def test_occlusion_comes_last():
    pixels = (noise() * 255).round().to(torch.uint8)
    found = apply_variant(pixels, definition_of("tilted_square", DEFINITIONS))
    assert bool((found[..., 72:152, 72:152] == torch.tensor(128 / 255)).all())
    assert len(found[..., 71, 72:152].unique()) > 80


def test_exact_variants_are_those_of_the_index_path():
    pixels = (noise(2) * 255).round().to(torch.uint8)
    for name in ("rotate_180", "corner_occlusion"):
        definition = definition_of(name, DEFINITIONS)
        assert torch.equal(
            apply_variant(pixels, definition), apply_exact(pixels, definition).float() / 255
        )


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", NAMES)
def test_a_gpu_gives_the_same_variants(name):
    pixels = (noise(2) * 255).round().to(torch.uint8)
    definition = definition_of(name, DEFINITIONS)
    here = apply_variant(pixels, definition, MEAN)
    there = apply_variant(pixels.cuda(), definition, MEAN)
    assert there.is_cuda
    tolerance = 0 if name not in ("tilted", "tilted_square", "small", "mirrored") else 1e-4
    assert (there.cpu() - here).abs().max() <= tolerance

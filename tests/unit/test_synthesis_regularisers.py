"""Regularisers against their loops, penalties against finite differences, a row at its own."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from convscope.synthesis.presets import NEUTRAL
from convscope.synthesis.regularisers import (
    Regularisers,
    alpha_norm,
    blur_matrix,
    jittered,
    percentiles,
    total_variation,
)
from convscope.synthesis.units import alpha_weight, variation_weight
from synthesis_toys import MEAN, SIZE, noise

CHANGES = {
    "decay": {"decay": 0.3},
    "blur": {"blur_sigma": 1.2, "blur_every": 1},
    "small_norm": {"small_norm_percentile": 37.0},
    "small_contribution": {"small_contribution_percentile": 60.0},
    "all": {
        "decay": 0.1,
        "blur_sigma": 0.6,
        "blur_every": 2,
        "small_norm_percentile": 10.0,
        "small_contribution_percentile": 20.0,
        "clip": True,
    },
    "none": {},
}


def regularisers(*changes):
    settings = [{**NEUTRAL, **change} for change in changes]
    return Regularisers(settings, MEAN, SIZE, "cpu", torch.float64)


def oracle(image, gradient, settings, iteration):
    """Return what Yosinski et al.'s code does to one image, pixel by pixel."""
    image = image * (1 - settings["decay"])
    if settings["blur_every"] and (iteration + 1) % settings["blur_every"] == 0:
        for axis in (1, 2):
            image = gaussian_filter1d(image, settings["blur_sigma"], axis=axis)
    for name in ("small_norm_percentile", "small_contribution_percentile"):
        if not settings[name]:
            continue
        measure = np.empty(image.shape[1:])
        for place in np.ndindex(measure.shape):
            pixel, slope = image[(slice(None), *place)], gradient[(slice(None), *place)]
            norm = name == "small_norm_percentile"
            measure[place] = np.linalg.norm(pixel) if norm else abs((slope * -pixel).sum())
        image = image * (measure >= np.percentile(measure, settings[name]))
    return image


@pytest.mark.parametrize("iteration", [0, 1])
def test_operators_equal_their_loops_for_every_row_of_a_batch(iteration):
    images, gradient = noise(len(CHANGES)), noise(len(CHANGES), seed=8)
    changed = images.clone()

    regularisers(*CHANGES.values()).operate(changed, gradient, iteration)

    for number, change in enumerate(CHANGES.values()):
        expected = oracle(
            images[number].numpy(), gradient[number].numpy(), {**NEUTRAL, **change}, iteration
        )
        np.testing.assert_allclose(changed[number].numpy(), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_row_in_a_batch_is_the_row_alone(change):
    images, gradient = noise(3), noise(3, seed=8)
    together, alone = images.clone(), images[1:2].clone()

    regularisers({"decay": 0.5}, change, {"blur_sigma": 2.0, "blur_every": 1}).operate(
        together, gradient, 1
    )
    regularisers(change).operate(alone, gradient[1:2], 1)

    torch.testing.assert_close(together[1], alone[0], rtol=0, atol=1e-15)


def test_clipping_keeps_pixels_in_the_valid_range_of_the_rows_that_ask_for_it():
    images = 3 * noise(2)
    clipped = images.clone()

    regularisers({"clip": True}, {}).clip(clipped)

    mean = np.array(MEAN)[:, None, None]
    np.testing.assert_allclose(clipped[0], images[0].numpy().clip(-mean, 1 - mean), atol=1e-15)
    assert torch.equal(clipped[1], images[1])
    assert not torch.equal(clipped[0], images[0])


@pytest.mark.parametrize("sigma", [0.3, 1.0, 4.0])
def test_a_blur_is_scipys_gaussian_filter(sigma):
    line = np.random.default_rng(0).normal(size=(9,))
    found = blur_matrix(9, sigma).numpy() @ line
    np.testing.assert_allclose(found, gaussian_filter1d(line, sigma), atol=1e-14)


def test_percentiles_are_numpys():
    values = torch.tensor(np.random.default_rng(0).normal(size=(3, 101)))
    found = percentiles(values, [0.0, 0.337, 0.999])
    expected = [np.percentile(values[row], 100 * q) for row, q in enumerate((0, 0.337, 0.999))]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def variation_loop(image, beta):
    total, (_, height, width) = 0.0, image.shape
    for channel, row, column in np.ndindex(*image.shape):
        here = image[channel, row, column]
        down = image[channel, min(row + 1, height - 1), column] - here
        right = image[channel, row, min(column + 1, width - 1)] - here
        total += (down**2 + right**2) ** (beta / 2)
    return total / image.size


@pytest.mark.parametrize("beta", [1.0, 2.0, 3.0])
def test_penalties_equal_their_loops(beta):
    images = noise(2)
    images[0, :, 3:6] = 0.25
    expected = [variation_loop(image.numpy(), beta) for image in images]
    np.testing.assert_allclose(total_variation(images, beta), expected, rtol=1e-12)
    powers = [np.mean(np.abs(image.numpy()) ** (beta + 1)) for image in images]
    np.testing.assert_allclose(alpha_norm(images, beta + 1), powers, rtol=1e-12)


@pytest.mark.parametrize(
    "change",
    [
        {"total_variation": 2.0},
        {"total_variation": 2.0, "total_variation_beta": 1.5},
        {"alpha_norm": 8e-10},
        {"alpha_norm": 8e-4, "alpha": 3.0, "total_variation": 0.5},
    ],
    ids=str,
)
def test_penalties_pass_finite_differences_in_a_batch_of_their_own_weights(change):
    both = regularisers(change, {"total_variation": 0.3, "alpha_norm": 1e-9})
    images = noise(2).requires_grad_()
    assert torch.autograd.gradcheck(both.penalty, images, eps=1e-6, atol=1e-6, fast_mode=True)
    own = {**NEUTRAL, **change}
    expected = variation_weight(
        own["total_variation"], own["total_variation_beta"]
    ) * total_variation(images[:1], own["total_variation_beta"])
    expected = expected + alpha_weight(own["alpha_norm"], own["alpha"]) * alpha_norm(
        images[:1], own["alpha"]
    )
    torch.testing.assert_close(both.penalty(images)[:1], expected)
    assert both.has_penalty(1)


def test_a_flat_image_has_a_finite_slope_of_variation():
    images = torch.zeros(1, 3, *SIZE, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(total_variation(images, 1.0).sum(), images)
    assert not slope.any()


def test_jitter_rolls_each_image_by_its_own_shift():
    images = noise(3)
    moved = jittered(images, [(0, 0), (2, -3), (-1, 0)])
    assert torch.equal(moved[0], images[0])
    assert torch.equal(moved[1], torch.roll(images[1], (2, -3), (1, 2)))
    assert torch.equal(moved[2, :, :-1], images[2, :, 1:])

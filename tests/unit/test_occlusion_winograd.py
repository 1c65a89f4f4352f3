"""The fast 3x3 convolution: equal in float64, and its errors in float32."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from convscope.occlusion.accuracy import error_ratio
from convscope.occlusion.winograd import SIZES, convolved_tiles, tile_sizes, transformed_weights


def operands(channels, outputs, side=14, dtype=torch.float64):
    generator = torch.Generator().manual_seed(2)
    images = torch.randn(2, channels, side, side, generator=generator, dtype=torch.float64).relu()
    weights = torch.randn(outputs, channels, 3, 3, generator=generator, dtype=torch.float64)
    weights *= (2 / (9 * channels)) ** 0.5
    # Both types compute with the very same numbers.
    return images.float().to(dtype), weights.float().to(dtype)


def fast(images, weights, size):
    """Convolve images by tiles of one size that cover them."""
    height, width = size
    tiles = images.unfold(2, height + 2, height).unfold(3, width + 2, width)
    count, channels, down, across = tiles.shape[:4]
    flat = tiles.permute(4, 5, 0, 2, 3, 1).reshape(height + 2, width + 2, -1, channels)
    found = convolved_tiles(flat.contiguous(), transformed_weights(weights), size)
    found = found.view(height, width, count, down, across, -1).permute(2, 5, 3, 0, 4, 1)
    return found.reshape(count, -1, down * height, across * width)


@pytest.mark.parametrize("size", [(h, w) for h in SIZES for w in SIZES])
def test_tiles_of_every_size_equal_a_convolution_in_float64(size):
    images, weights = operands(5, 7)
    found = fast(images, weights, size)
    expected = functional.conv2d(images, weights)[:, :, : found.shape[2], : found.shape[3]]
    assert float((found - expected).abs().max()) <= 1e-13 * float(expected.abs().max()) * 10


def test_errors_stay_near_those_of_a_plain_convolution():
    for channels in (64, 512):
        images, weights = operands(channels, 32)
        expected = functional.conv2d(images, weights)
        single = images.float(), weights.float()

        def error(found, expected=expected):
            cut = expected[:, :, : found.shape[2], : found.shape[3]]
            return float((found.double() - cut).pow(2).mean().sqrt())

        image = single[0].contiguous(memory_format=torch.channels_last)
        plain = error(functional.conv2d(image, single[1]))
        for size in [(h, w) for h in SIZES for w in SIZES]:
            assert error(fast(*single, size)) <= 3 * plain


def test_errors_are_told_on_the_maps_themselves():
    for side in (4, 6, 14):
        images, weights = operands(256, 96, side, torch.float32)
        fast_weights = transformed_weights(weights)
        ratio = error_ratio(images[:1], weights, fast_weights)
        assert 0.1 < ratio < 8
        assert error_ratio(images[:1], weights, 1.0001 * fast_weights) > 10 * ratio
    assert error_ratio(torch.zeros(1, 256, 9, 9), weights, fast_weights) == 0


def test_tiles_cover_a_run_with_the_fewest_points():
    for length in range(1, 60):
        sizes = tile_sizes(length)
        assert sum(sizes) >= length
        assert set(sizes) <= set(SIZES)
        assert sum(sizes) - length < min(sizes)
        costs = [
            6 * large + 5 * small
            for large in range(length + 1)
            for small in range(length + 1)
            if 4 * large + 3 * small >= length
        ]
        assert sum(size + 2 for size in sizes) == min(costs)


def test_weights_serve_all_sizes():
    weights = operands(3, 4)[1]
    transformed = transformed_weights(weights)
    assert transformed.shape == (6, 6, 3, 4)
    # At the point 0 a kernel is its first tap, at infinity its last.
    assert torch.equal(transformed[0, 1], weights[:, :, 0, 2].T)
    assert np.allclose(transformed[1, 0], weights[:, :, 2, 0].T)

"""Where patches lie, where cells are drawn and what pixels score, against loops."""

import numpy as np
import pytest

from convscope.occlusion.grid import Grid, at_pixels, back_projected, smoothed

STANDARD = Grid((224, 224), (50, 50), (5, 5))


def test_the_standard_grid_is_that_of_the_report():
    assert STANDARD.shape == (35, 35)
    assert len(STANDARD.positions()) == 1225
    assert STANDARD.positions()[36].tolist() == [1, 1]
    assert STANDARD.centres(0)[[0, 1, 34]].tolist() == [24.5, 29.5, 194.5]
    assert STANDARD.box(34, 0) == (170, 0, 220, 50)


@pytest.mark.parametrize(
    ("patch", "stride", "shape"),
    [
        ((1, 1), (1, 1), (224, 224)),
        ((224, 224), (7, 7), (1, 1)),
        ((32, 56), (32, 56), (7, 4)),
        ((50, 16), (7, 5), (25, 42)),
        ((223, 224), (1, 1), (2, 1)),
    ],
)
def test_grids_of_any_patch(patch, stride, shape):
    grid = Grid((224, 224), patch, stride)
    assert grid.shape == shape
    assert grid.shape == tuple((224 - p) // s + 1 for p, s in zip(patch, stride, strict=True))
    bottom, right = grid.box(*(n - 1 for n in shape))[2:]
    assert bottom <= 224 < bottom + stride[0]
    assert right <= 224 < right + stride[1]
    assert grid.mask(0, 0).sum() == patch[0] * patch[1]
    assert grid.mask(0, 0)[: patch[0], : patch[1]].all()


@pytest.mark.parametrize("grid", [Grid((30, 23), (7, 9), (3, 5)), Grid((12, 12), (4, 4), (6, 4))])
def test_pixels_score_the_mean_over_the_patches_that_cover_them(grid):
    drops = np.random.default_rng(0).normal(size=grid.shape)
    scores = back_projected(drops, grid)
    for row in range(grid.image[0]):
        for column in range(grid.image[1]):
            covering = [
                drops[i, j]
                for i in range(grid.shape[0])
                for j in range(grid.shape[1])
                if i * grid.stride[0] <= row < i * grid.stride[0] + grid.patch[0]
                and j * grid.stride[1] <= column < j * grid.stride[1] + grid.patch[1]
            ]
            if covering:
                assert scores[row, column] == pytest.approx(np.mean(covering), abs=1e-12)
            else:
                assert np.isnan(scores[row, column])


def test_a_cell_is_drawn_at_its_centre_and_nothing_beyond_the_outermost():
    rows, columns = np.mgrid[:35, :35]
    drawn = at_pixels(100.0 * rows + columns, STANDARD)
    measured = np.isfinite(drawn)
    assert measured[25:195, 25:195].all()
    assert measured.sum() == 170**2
    # Between the centres 29.5 and 34.5 of rows 1 and 2.
    assert drawn[32, 25] == pytest.approx(150.0 + 0.1)
    odd = Grid((20, 20), (5, 5), (5, 5))
    assert at_pixels(np.arange(16.0).reshape(4, 4), odd)[2, 2::5].tolist() == [0, 1, 2, 3]


def test_one_position_is_drawn_where_its_patch_lies():
    grid = Grid((10, 10), (8, 10), (5, 5))
    drawn = at_pixels(np.array([[0.25]]), grid)
    assert (drawn[:8] == 0.25).all()
    assert np.isnan(drawn[8:]).all()


def test_smoothing_keeps_constants_and_spreads_a_peak():
    assert smoothed(np.full((5, 7), 0.3), 1.5) == pytest.approx(np.full((5, 7), 0.3))
    peak = np.zeros((9, 9))
    peak[4, 4] = 1.0
    blurred = smoothed(peak, (1.0, 0))
    assert blurred[:, 4].argmax() == 4
    assert blurred[3, 4] == pytest.approx(blurred[5, 4])
    assert blurred[3, 4] / blurred[4, 4] == pytest.approx(np.exp(-0.5), rel=1e-2)
    assert not blurred[:, [3, 5]].any()
    assert np.array_equal(smoothed(peak, 0), peak)

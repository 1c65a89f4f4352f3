"""Scores against masks, deletion and insertion, object and context: against loops."""

import numpy as np
import pytest
import torch

from convscope.occlusion.context import object_or_context
from convscope.occlusion.curves import curves, random_drops
from convscope.occlusion.grid import Grid, back_projected
from convscope.occlusion.scores import UNDEFINED, best_intersection, localisation

GRID = Grid((24, 20), (6, 6), (3, 2))


def mask():
    found = np.zeros(GRID.image, bool)
    found[9:15, 8:12] = True
    return found


def test_a_map_that_does_not_care_has_share_one():
    found = localisation(np.full(GRID.shape, 0.1), GRID, mask())
    assert found.share_over_uniform == pytest.approx(1.0)
    covered = np.isfinite(back_projected(np.zeros(GRID.shape), GRID))
    assert found.share == pytest.approx((mask() & covered).sum() / covered.sum())


def test_scores_of_a_map_by_loops():
    drops = np.random.default_rng(0).normal(0.05, 0.1, GRID.shape)
    found = localisation(drops, GRID, mask())
    scores = back_projected(drops, GRID)
    inside = total = cells = covered = 0.0
    for row in range(24):
        for column in range(20):
            if np.isfinite(scores[row, column]):
                covered += 1
                cells += mask()[row, column]
                total += max(scores[row, column], 0.0)
                inside += max(scores[row, column], 0.0) * mask()[row, column]
    assert found.share == pytest.approx(inside / total)
    assert found.share_over_uniform == pytest.approx(inside / total / (cells / covered))
    best = max(
        ((scores >= t) & mask()).sum() / ((scores >= t) | mask()).sum()
        for t in np.unique(scores[np.isfinite(scores)])
    )
    assert found.intersection_over_union == pytest.approx(best)
    above = scores >= found.threshold
    assert (above & mask()).sum() / (above | mask()).sum() == pytest.approx(best)
    place = np.unravel_index(np.nanargmax(scores), scores.shape)
    assert found.pointing == mask()[place]


def test_a_drop_on_the_object_points_at_it_and_one_beside_it_does_not():
    drops = np.zeros(GRID.shape)
    drops[3, 4] = 0.4  # rows 9 to 14, columns 8 to 13
    on, beside = (localisation(drops, GRID, m) for m in (mask(), np.roll(mask(), -8, 1)))
    assert (on.pointing, beside.pointing) == (True, False)
    assert on.share_over_uniform > 2 > 1 > beside.share_over_uniform


def test_scores_are_undefined_without_a_drop_or_a_mask():
    nothing = np.full(GRID.shape, -0.3)
    nothing[0, 0] = 0.049
    assert localisation(nothing, GRID, mask()) == UNDEFINED
    nothing[0, 1] = 0.002
    assert localisation(nothing, GRID, mask()) != UNDEFINED
    assert localisation(np.ones(GRID.shape), GRID, np.zeros(GRID.image, bool)) == UNDEFINED


def test_equal_scores_pass_a_threshold_together():
    scores = np.array([2.0, 1.0, 1.0, 0.0])
    assert best_intersection(scores, np.array([True, True, False, False])) == (2 / 3, 1.0)
    assert best_intersection(scores, np.array([True, False, False, False])) == (1.0, 2.0)


def test_pixels_under_the_same_patches_pass_together_whatever_their_sums_round_to():
    for drop in (0.1, 0.7, 1 / 3):
        found = localisation(np.full(GRID.shape, drop), GRID, mask())
        covered = np.isfinite(back_projected(np.zeros(GRID.shape), GRID))
        # All pixels are equal: only all of them can be chosen, and the first is the highest.
        share = (mask() & covered).sum() / covered.sum()
        assert found.intersection_over_union == pytest.approx(share)
        assert not found.pointing
        corner = np.zeros(GRID.image, bool)
        corner[0, 0] = True
        assert localisation(np.full(GRID.shape, drop), GRID, corner).pointing


def classify(images):
    """Answer class 1 by the brightness of one place."""
    bright = images[:, :, 9:15, 8:12].mean((1, 2, 3))
    return torch.stack([torch.zeros_like(bright), 8 * bright - 4], 1)


@pytest.mark.parametrize("batch_size", [1, 5, 100])
def test_curves_cover_the_best_pixels_first(batch_size):
    clean, fill = torch.ones(1, 3, 24, 20), torch.zeros(1, 3, 24, 20)
    drops = np.zeros(GRID.shape)
    drops[3, 4] = 0.5
    options = {"steps": 10, "batch_size": batch_size}
    found = curves(classify, clean, fill, drops, GRID, 1, **options)
    scores = np.nan_to_num(back_projected(drops, GRID), nan=-1)
    order = sorted(range(480), key=lambda pixel: (-scores.flat[pixel], pixel))
    for place, share in enumerate(found.shares):
        count = round(share * 480)
        for curve, below, above in (("deletion", fill, clean), ("insertion", clean, fill)):
            image = above.clone()
            for pixel in order[:count]:
                image[0, :, pixel // 20, pixel % 20] = below[0, :, pixel // 20, pixel % 20]
            expected = float(classify(image).double().softmax(1)[0, 1])
            assert getattr(found, curve)[place] == pytest.approx(expected, abs=1e-9)
    assert (found.shares[0], found.shares[-1]) == (0, 1)
    control = curves(classify, clean, fill, random_drops(GRID, 1), GRID, 1, **options)
    assert found.areas[0] < control.areas[0]
    assert found.areas[1] > control.areas[1]
    assert found.areas[0] == pytest.approx(np.trapezoid(found.deletion, found.shares))


def test_the_random_order_is_seeded():
    assert np.array_equal(random_drops(GRID, 4), random_drops(GRID, 4))
    assert not np.array_equal(random_drops(GRID, 4), random_drops(GRID, 5))


def test_erasing_and_replacing_tell_object_from_context():
    image, other = torch.ones(1, 3, 24, 20), torch.zeros(1, 3, 24, 20)
    where = torch.from_numpy(mask())
    erased, replaced = torch.where(where, other, image), torch.where(where, image, other)
    by_object = object_or_context(classify, image, erased, replaced, 0)
    high = 1 / (1 + np.exp(-4))
    assert by_object.probabilities[:, 1] == pytest.approx([high, 1 - high, high], abs=1e-6)
    assert by_object.probabilities[:, 0] == pytest.approx([1 - high, high, 1 - high], abs=1e-6)
    assert by_object.answers.tolist() == [1, 0, 1]
    by_context = object_or_context(classify, image, replaced, erased, 1)
    assert by_context.probabilities[:, 0] == pytest.approx([high, high, 1 - high], abs=1e-6)
    without = object_or_context(classify, image, erased, None, None)
    assert np.isnan(without.probabilities[:, 0]).all()
    assert np.isnan(without.probabilities[2]).all()
    assert without.answers.tolist() == [1, 0, -1]

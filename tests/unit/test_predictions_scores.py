"""Probabilities, ranks and strongest classes against slow loops in exact arithmetic."""

import math
from fractions import Fraction

import numpy as np
import pytest

from convscope.predictions.scores import ranks, softmax, strongest_classes

LOGITS = np.random.default_rng(0).normal(scale=8, size=(40, 13)).astype(np.float32)


def slow_softmax(row):
    exponentials = [Fraction(math.exp(float(value) - float(max(row)))) for value in row]
    return [float(e / sum(exponentials)) for e in exponentials]


def slow_order(row):
    return sorted(range(len(row)), key=lambda index: (-float(row[index]), index))


def test_softmax_equals_exact_sums():
    expected = np.array([slow_softmax(row) for row in LOGITS])
    found = softmax(LOGITS)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("offset", [1e4, -1e4, 3e38])
def test_softmax_survives_large_logits(offset):
    logits = np.array([[offset, offset, offset / 2]], np.float32)
    found = softmax(logits)[0]
    assert np.isfinite(found).all()
    assert found[0] == found[1] == (0.5 if offset > 0 else 0.0)
    assert found.sum() == 1


def test_softmax_leaves_its_input_alone():
    logits = LOGITS.astype(np.float64)
    before = logits.copy()
    softmax(logits)
    assert np.array_equal(logits, before)


def test_order_and_ranks_equal_a_sort():
    logits = np.round(LOGITS / 8)  # many ties
    strongest = strongest_classes(logits, softmax(logits), 5)
    for row, indices in zip(logits, strongest.indices, strict=True):
        assert indices.tolist() == slow_order(row)[:5]
    for label in range(logits.shape[1]):
        found = ranks(logits, np.full(len(logits), label, np.int32))
        assert found.tolist() == [1 + slow_order(row).index(label) for row in logits]


def test_no_label_has_rank_zero():
    assert ranks(LOGITS[:2], np.array([-1, 3], np.int32))[0] == 0


def test_classes_beyond_the_last_are_missing():
    logits = np.array([[0.0, 1.0]], np.float32)
    strongest = strongest_classes(logits, softmax(logits), 4)
    assert strongest.indices.tolist() == [[1, 0, -1, -1]]
    assert np.isnan(strongest.probabilities[0, 2:]).all()
    assert strongest.probabilities[0, :2].sum() == pytest.approx(1)


def test_order_is_of_logits_where_probabilities_are_equal():
    logits = np.array([[-900.0, -800.0, 0.0]], np.float32)  # both vanish in the softmax
    strongest = strongest_classes(logits, softmax(logits), 3)
    assert strongest.indices.tolist() == [[2, 1, 0]]

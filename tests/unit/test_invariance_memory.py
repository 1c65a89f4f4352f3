"""Measuring keeps no more than it needs, and halves a batch that does not fit the memory."""

import pytest

from convscope.invariance import compare
from convscope.invariance.transforms import Transform
from invariance_toys import LAYERS, measurer, noise_batch, toy_network

NAMES = [layer["name"] for layer in LAYERS]


def run(engine, images):
    found = engine.run(images, [None] * len(images.ids))
    return {measures.image: measures for measures in found}


def test_what_is_kept_does_not_grow(monkeypatch):
    most = {}

    class Watched(compare.Comparison):
        def __call__(self, layer, output):
            super().__call__(layer, output)
            kept = sum(len(images) for images in self._clean.values())
            most["images"] = max(most.get("images", 0), kept)

    monkeypatch.setattr("convscope.invariance.engine.Comparison", Watched)
    amounts = tuple(float(shift) for shift in range(-9, 10))
    for count in (6, 12):
        most.clear()
        engine = measurer(toy_network(), transforms=[Transform("vertical_translation", amounts)])
        run(engine, noise_batch(count, side=16))
        assert most["images"] == len(NAMES) * compare.PARTNERS


@pytest.mark.parametrize("fits", [1, 3])
def test_a_batch_that_does_not_fit_is_halved_and_changes_nothing(monkeypatch, caplog, fits):
    images = noise_batch(7, side=16)
    expected_engine = measurer(toy_network(), at_once=12)
    expected = run(expected_engine, images)

    class Tight(compare.Comparison):
        def __call__(self, layer, output):
            super().__call__(layer, output)
            if len(output) > fits and layer == NAMES[-1]:
                raise MemoryError

    monkeypatch.setattr("convscope.invariance.engine.Comparison", Tight)
    engine = measurer(toy_network(), at_once=12)
    found = run(engine, images)
    assert "going on with" in caplog.text
    assert engine.reference.keys() == expected_engine.reference.keys()
    assert list(found) == list(expected)
    for one, other in zip(found.values(), expected.values(), strict=True):
        for name in ("squared_distance", "squared_norm", "label_probability", "predicted"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-9, nan_ok=True)

"""Ranges become amounts exactly, and what a range cannot mean is refused by its key."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convscope.errors import UserError
from convscope.invariance.transforms import (
    KINDS,
    Transform,
    amounts_of,
    check_fill,
    notes_on,
    transform_from,
    transforms_of,
)

FIGURE_5 = {
    "vertical_translation": {"from": -60, "to": 60, "step": 2},
    "horizontal_translation": None,
    "scale": {"from": 0.6, "to": 1.8, "step": 0.05},
    "rotation": {"from": 0, "to": 360, "step": 6},
}


def test_ranges_of_the_paper():
    vertical, scale, rotation = transforms_of(FIGURE_5)
    assert vertical.amounts == tuple(range(-60, 61, 2))
    assert scale.amounts[8] == 1.0  # not 1.0000000000000002
    assert (scale.amounts[0], scale.amounts[-1], len(scale.amounts)) == (0.6, 1.8, 25)
    assert rotation.amounts == tuple(range(0, 361, 6))
    assert [t.name for t in (vertical, scale, rotation)] == [
        "vertical_translation",
        "scale",
        "rotation",
    ]


@given(first=st.integers(-500, 500), step=st.integers(1, 400), count=st.integers(0, 60))
def test_both_ends_are_there_and_steps_are_equal(first, step, count):
    limits = {"from": first / 100, "to": (first + step * count) / 100, "step": step / 100}
    amounts = amounts_of(limits, "rotation", "here")
    assert amounts[0] == first / 100
    assert amounts[-1] == (first + step * count) / 100
    assert len(amounts) == count + 1
    assert np.allclose(np.diff(amounts), step / 100, rtol=1e-9)


def test_the_order_of_keys_changes_nothing():
    assert transforms_of(dict(reversed(FIGURE_5.items()))) == transforms_of(FIGURE_5)


def test_settings_give_the_transform_back():
    for transform in transforms_of(FIGURE_5):
        assert transform_from(transform.settings) == transform


@pytest.mark.parametrize(
    ("name", "identities", "others"),
    [
        ("vertical_translation", [0.0], [1.0, -224.0, 0.5]),
        ("scale", [1.0], [0.0001, 2.0, 0.9999]),
        ("rotation", [0.0, 360.0, -360.0, 720.0], [90.0, 180.0, 359.0]),
    ],
)
def test_which_amounts_change_nothing(name, identities, others):
    transform = Transform(name, (0.0,))
    assert all(transform.is_identity(amount) for amount in identities)
    assert not any(transform.is_identity(amount) for amount in others)


def test_an_amount_as_a_variant():
    transform = Transform("horizontal_translation", (-7.0,))
    definition = transform.definition(-7.0, "edge")
    assert (definition["right"], definition["down"], definition["fill"]) == (-7, 0, "edge")
    assert {kind.parameter for kind in KINDS.values()} == {"right", "down", "scale", "rotate"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ["invariance.transforms", "no transform"]),
        ({"scale": None}, ["no transform"]),
        ({"rotatoin": {"from": 0, "to": 1, "step": 1}}, ["rotatoin", "rotation"]),
        ({"scale": {"from": 0, "to": 1, "step": 0.5}}, ["transforms.scale.from", "scale of 0"]),
        ({"scale": {"from": -1, "to": 1, "step": 0.5}}, ["transforms.scale.from", "-1"]),
        ({"rotation": {"from": 10, "to": 0, "step": 5}}, ["transforms.rotation", "empty"]),
        ({"rotation": {"from": 0, "to": 100, "step": 30}}, ["100", "90", "120", "divides"]),
        ({"rotation": {"from": 0, "to": 100, "step": 0}}, ["rotation.step", "above 0"]),
        ({"rotation": {"from": 0, "to": 100, "step": -5}}, ["rotation.step", "above 0"]),
        ({"rotation": {"from": 0, "to": 100}}, ["rotation", "step is missing"]),
        ({"rotation": {"from": 0, "to": "x", "step": 1}}, ["rotation", "to 'x'"]),
        ({"rotation": {"from": 0, "to": float("inf"), "step": 1}}, ["rotation", "inf"]),
        ({"rotation": {"from": False, "to": 1, "step": 1}}, ["rotation", "from False"]),
        ({"rotation": {"from": 0, "to": 1, "step": 1, "stop": 2}}, ["rotation", "'stop'"]),
    ],
)
def test_bad_ranges(settings, words):
    with pytest.raises(UserError) as caught:
        transforms_of(settings)
    for word in words:
        assert word in str(caught.value)


def test_fills():
    for fill in ("black", "mean", "reflect", "edge"):
        assert check_fill(fill) == fill
    with pytest.raises(UserError, match=r"invariance\.fill.*'blak'.*black"):
        check_fill("blak")


def test_an_image_out_of_view_is_allowed_and_said():
    transforms = transforms_of({"vertical_translation": {"from": -300, "to": 300, "step": 100}})
    assert len(transforms[0].amounts) == 7
    (note,) = notes_on(transforms)
    assert "vertical_translation: 2 amounts" in note
    assert "out of view" in note
    assert notes_on(transforms_of(FIGURE_5)) == []

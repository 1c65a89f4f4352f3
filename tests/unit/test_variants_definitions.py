"""Definitions of variants are validated and normalised."""

import subprocess
import sys
from pathlib import Path

import pytest

from convscope.digests import settings_digest
from convscope.errors import UserError
from convscope.variants import definitions
from convscope.variants.definitions import (
    FIXED,
    check_definitions,
    definition_of,
    fill_levels,
    is_exact,
)

NOTHING = {
    "rotate": 0,
    "scale": 1,
    "right": 0,
    "down": 0,
    "fill": None,
    "occlude": None,
    "size": None,
    "grey": None,
}


def own(**definition):
    return definition_of("own", {"own": definition})


@pytest.mark.parametrize(
    ("name", "angle"),
    [
        ("normal", 0),
        ("rotate_90_anticlockwise", 90),
        ("rotate_180", 180),
        ("rotate_90_clockwise", 270),
    ],
)
def test_fixed_variants(name, angle):
    assert definition_of(name, {}) == {**NOTHING, "rotate": angle}
    assert is_exact(definition_of(name, {}))


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({}, {}),
        ({"rotate": 0.0, "right": None, "fill": "mean"}, {}),
        ({"rotate": -450}, {"rotate": 270}),
        ({"rotate": 360}, {}),
        ({"rotate": -1e-20}, {}),
        ({"rotate": 30}, {"rotate": 30, "fill": "black"}),
        ({"rotate": 90, "right": 3.0}, {"rotate": 90, "right": 3, "fill": "black"}),
        ({"scale": 1.5, "fill": "edge"}, {"scale": 1.5, "fill": "edge"}),
        ({"down": -2.5, "fill": "grey"}, {"down": -2.5, "fill": "grey"}),
        ({"occlude": "centre", "size": 80.0}, {"occlude": "centre", "size": 80, "grey": 128}),
        (
            {"occlude": "corner", "size": 1, "grey": 0},
            {"occlude": "corner", "size": 1, "grey": 0},
        ),
    ],
)
def test_definitions_are_normalised(given, changed):
    found = own(**given)
    assert found == {**NOTHING, **changed}
    assert own(**found) == found
    assert settings_digest(found) == settings_digest({**NOTHING, **changed})


@pytest.mark.parametrize(
    ("given", "exact"),
    [
        ({"rotate": 270, "right": -300, "down": 7}, True),
        ({"occlude": "corner", "size": 80}, True),
        ({"rotate": 89.999}, False),
        ({"scale": 1.001}, False),
        ({"right": 0.5}, False),
    ],
)
def test_what_indexing_can_do(given, exact):
    assert is_exact(own(**given)) is exact


@pytest.mark.parametrize(
    ("given", "where", "word"),
    [
        ({"scale": 0}, "scale", "above 0"),
        ({"scale": -1}, "scale", "above 0"),
        ({"scale": "big"}, "scale", "'big'"),
        ({"rotate": True}, "rotate", "True"),
        ({"rotate": float("nan")}, "rotate", "finite"),
        ({"right": float("inf")}, "right", "finite"),
        ({"fill": "blck"}, "fill", "Did you mean black"),
        ({"fill": 7}, "fill", "7"),
        ({"occlude": "center", "size": 80}, "occlude", "Did you mean centre"),
        ({"occlude": "centre"}, "size", "missing"),
        ({"occlude": "centre", "size": 0}, "size", "1 to 224"),
        ({"occlude": "centre", "size": 225}, "size", "1 to 224"),
        ({"occlude": "centre", "size": 2.5}, "size", "whole"),
        ({"occlude": "centre", "size": "80"}, "size", "whole"),
        ({"occlude": "centre", "size": 80, "grey": 256}, "grey", "0 to 255"),
        ({"occlude": "centre", "size": 80, "grey": -1}, "grey", "0 to 255"),
        ({"occlude": "centre", "size": 80, "grey": float("nan")}, "grey", "0 to 255"),
        ({"size": 80}, "own", "without occlude"),
        ({"rotation": 80}, "own", "Did you mean rotate"),
    ],
)
def test_bad_values_name_their_key(given, where, word):
    with pytest.raises(UserError, match=word) as caught:
        own(**given)
    assert caught.value.where.startswith("variant_definitions: own")
    assert caught.value.where.endswith(where)
    with pytest.raises(UserError, match=word):
        check_definitions({"own": given})


def test_an_unknown_variant_gets_a_suggestion():
    with pytest.raises(UserError, match="Did you mean rotate_90_clockwise"):
        definition_of("rotate_90_clokwise", {})
    with pytest.raises(UserError, match="Did you mean tilted"):
        definition_of("titled", {"tilted": {"rotate": 10}})


@pytest.mark.parametrize("name", FIXED)
def test_fixed_variants_can_not_be_redefined(name):
    for check in (check_definitions, lambda given: definition_of(name, given)):
        with pytest.raises(UserError, match=f"'{name}' is built in"):
            check({name: {"rotate": 10}})


@pytest.mark.parametrize("name", ["a/b", "..", "", "with space", "ä"])
def test_unsafe_names_are_refused(name):
    with pytest.raises(UserError, match="can't name a variant"):
        check_definitions({name: {}})


def test_a_definition_has_keys():
    with pytest.raises(UserError, match="45"):
        check_definitions({"own": 45})


def test_fills():
    assert fill_levels("black", None) == (0, 0, 0)
    assert fill_levels("grey", None) == (128 / 255,) * 3
    assert fill_levels("mean", [0.1, 0.2, 0.3]) == (0.1, 0.2, 0.3)
    assert fill_levels("edge", None) is None
    assert fill_levels("reflect", None) is None
    assert fill_levels(None, None) is None


@pytest.mark.parametrize(("fill", "mean"), [("mean", None), ("mean", [0.5]), ("white", None)])
def test_bad_fills(fill, mean):
    with pytest.raises(ValueError, match=fill):
        fill_levels(fill, mean)


def test_nothing_heavy_is_imported():
    scripts = Path(definitions.__file__).parents[2]
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import convscope.variants.definitions;"
        "sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code, str(scripts)], check=True)

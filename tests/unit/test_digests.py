"""Digests of settings are the same for what means the same."""

import pytest

from convscope.digests import normalised, settings_digest


def test_order_of_keys_and_spelling_of_whole_numbers_do_not_count():
    first = {"b": [1, 2.0], "a": {"y": None, "x": True}}
    second = {"a": {"x": True, "y": None}, "b": (1.0, 2)}
    assert repr(normalised(first)) == repr(normalised(second))
    assert settings_digest(first) == settings_digest(second)


@pytest.mark.parametrize("changed", [{"a": 2}, {"b": 1}, {"a": "1"}, {"a": True}, {"a": [1]}])
def test_everything_else_counts(changed):
    assert settings_digest(changed) != settings_digest({"a": 1})


def test_objects_are_refused_because_snakemake_would_drop_them():
    with pytest.raises(TypeError, match="PosixPath"):
        normalised({"path": __import__("pathlib").Path("x")})

"""What a synthesis may be told; presets as published; classes by name, wnid or index."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from convscope.classes.lists import ClassList, class_list
from convscope.digests import normalised
from convscope.errors import UserError
from convscope.synthesis.presets import INVERSION, LADDER, NEUTRAL, PRESETS, YOSINSKI
from convscope.synthesis.settings import (
    at_depth,
    checked_settings,
    checked_snapshots,
    class_indices,
    preset_settings,
)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_whole_plain_and_their_own_normal_form(name):
    settings = preset_settings(name)
    assert list(settings) == list(NEUTRAL)
    assert checked_settings(settings, "again") == settings
    assert json.loads(json.dumps(settings)) == settings
    assert checked_settings(normalised(settings), "params") == settings


def test_the_ladder_grows_by_one_thing_at_a_time():
    keys = ("decay", "blur_sigma", "blur_every", "clip")
    steps = [tuple(preset_settings(name)[key] for key in keys) for name in LADDER]
    assert [bool(step[0]) for step in steps] == [False] + 5 * [True]
    assert [step[1] for step in steps] == [0, 0, 0.5, 1.0, 1.5, 1.5]
    assert {step[2] for step in steps[2:]} == {2}
    assert [step[3] for step in steps] == 5 * [False] + [True]
    assert {preset_settings(name)["iterations"] % 2 for name in LADDER} == {0}


def test_the_published_combinations_are_table_1():
    columns = ("decay", "blur_sigma", "blur_every", "small_norm_percentile")
    columns += ("small_contribution_percentile", "iterations")
    found = [tuple(preset_settings(name)[key] for key in columns) for name in YOSINSKI]
    assert found == [
        (0, 0.5, 4, 50, 0, 500),
        (0.3, 0, 0, 20, 0, 750),
        (0.0001, 1.0, 4, 0, 0, 1000),
        (0, 0.5, 4, 0, 90, 1000),
    ]
    rates = [tuple(preset_settings(n)[k] for k in ("rate_policy", "rate")) for n in YOSINSKI]
    assert [rate for _, rate in rates] == [100, 100, 100, 1e8]
    assert [policy for policy, _ in rates] == ["progress", "constant", "constant", "progress"]


def test_inversions_are_as_published():
    own = preset_settings("mahendran_vedaldi")
    assert (own["alpha"], own["total_variation_beta"]) == (6, 2)
    assert [(share * 400, own["rate"] * part) for share, part in own["schedule"]] == [
        (100, pytest.approx(0.004)),
        (200, pytest.approx(0.0004)),
        (100, pytest.approx(0.00004)),
    ]
    # What CaffeNet's conv1, norm1, conv2, pool2, conv3, conv4, conv5, pool5 and fc6 see.
    sides = (11, 19, 51, 67, 99, 131, 163, 195, 227)
    found = [at_depth(own, side / 227)["total_variation"] for side in sides]
    assert found == [1, 1, 1, 10, 10, 10, 100, 100, 100]
    assert at_depth(preset_settings("no_prior"), 0.3) == preset_settings("no_prior")
    assert set(INVERSION) == {"published_prior", "no_prior", "mahendran_vedaldi"}


def test_the_published_prior_is_the_same_whatever_the_descent():
    names = ("published_prior", "mahendran_vedaldi", "no_prior")
    adam, published, none = (preset_settings(name) for name in names)
    prior = ("alpha", "alpha_norm", "total_variation", "total_variation_beta")
    assert all(adam[key] == published[key] for key in (*prior, "iterations", "start_noise"))
    assert {key for key in adam if adam[key] != none[key]} == {"alpha_norm", "total_variation"}


def test_iterations_and_rates_can_be_set_for_all_presets():
    assert preset_settings("yosinski_1", iterations=20)["iterations"] == 20
    found = preset_settings("yosinski_1", rate_factor=100)
    assert (found["rate"], found["gain"]) == (1e4, 200)
    for untouched in ("ladder_a", "fourier", "mahendran_vedaldi"):
        assert preset_settings(untouched, rate_factor=100) == preset_settings(untouched)
    with pytest.raises(UserError, match="rate_factor: 0 is out of range"):
        preset_settings("yosinski_1", rate_factor=0)
    assert preset_settings("mine", {"mine": {"clip": True, "rate": 3}})["rate"] == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"iterations": -5}, "x.iterations: -5 is out of range"),
        ({"iterations": 0}, "x.iterations: 0"),
        ({"iterations": 2.5}, "no whole number"),
        ({"iterations": True}, "no whole number"),
        ({"rate": -1}, "x.rate: -1"),
        ({"rate": 0}, "moves nothing"),
        ({"rate": float("nan")}, "x.rate: nan"),
        ({"rate": "fast"}, "x.rate: 'fast'"),
        ({"decay": 1}, "x.decay"),
        ({"small_norm_percentile": 100}, "x.small_norm_percentile"),
        ({"clip": "yes"}, "x.clip"),
        ({"blur_sigma": 1}, "Give both, or neither"),
        ({"blur_every": 4}, "Give both, or neither"),
        ({"rate_policy": "progress"}, "without a gain"),
        ({"optimiser": "adam", "rate_policy": "length"}, "adam with rate_policy length"),
        ({"optimiser": "adam", "momentum": 0.5}, "adam with momentum"),
        ({"optimiser": "lbfgs"}, "Choose from sgd, adam"),
        ({"blur_sigm": 1}, "Near it: blur_sigma"),
        ({"schedule": [[0.5, 1]]}, "the shares are"),
        ({"schedule": [[0.5, 1], 2]}, "no pair of numbers"),
        ({"schedule": []}, "Give pairs"),
        ({"total_variation": [[0.5, 1], [0.2, 2]]}, "the shares are"),
        ({"total_variation": [[1.5, 1]]}, "out of range"),
        ({"total_variation": "much"}, "x.total_variation"),
    ],
    ids=str,
)
def test_what_cannot_be_carried_out_is_refused_by_key(change, words):
    with pytest.raises(UserError) as caught:
        checked_settings(change, "x")
    assert words in str(caught.value)


def test_an_unknown_preset_is_refused_with_its_neighbours():
    with pytest.raises(UserError, match=r"unknown preset 'lader_a'.*Near it: ladder_a"):
        preset_settings("lader_a")
    with pytest.raises(UserError, match="among others: ladder_a"):
        preset_settings("xyzzy")


def test_snapshots_lie_within_the_run():
    assert checked_snapshots([20, 0, 20, 5], 20, "snapshots") == [0, 5, 20]
    for wrong in (-1, 21, 0.5):
        with pytest.raises(UserError, match="snapshots: there is no image after"):
            checked_snapshots([wrong], 20, "snapshots")


def test_classes_are_named_by_name_wnid_or_index():
    imagenet = class_list("imagenet")
    found = class_indices(["flamingo", "n01518878", 113, "Flamingo"], imagenet, "classes")
    assert found == [130, 9, 113]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("flamenco", "Near it: flamingo"),
        ("cardigan", r"ambiguous: 264 \(n02113186\), 474 \(n02963159\)"),
        ("1000", "have no '1000'"),
        ("-1", "have no '-1'"),
        ("", "have no ''"),
    ],
)
def test_unknown_and_ambiguous_classes_are_refused(text, words):
    with pytest.raises(UserError, match=words):
        class_indices([text], class_list("imagenet"), "config key classes")


def test_a_short_class_list_is_listed():
    with pytest.raises(UserError, match="among others: disc, star"):
        class_indices(["q"], ClassList("mine", ("disc", "star"), ("", "")), "classes")


def test_planning_and_drawing_need_no_torch():
    modules = ["settings", "presets", "units", "storage", "transfer", "measures"]
    modules += [f"figures.{name}" for name in ("ladder", "curves", "strip", "table", "sheet")]
    lines = [f"import convscope.synthesis.{name}" for name in modules]
    code = "\n".join(["import sys", *lines, "assert 'torch' not in sys.modules"])
    scripts = Path(__file__).resolve().parents[2] / "scripts"
    subprocess.run([sys.executable, "-c", code], cwd=scripts, check=True)

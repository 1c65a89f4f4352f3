"""Correspondence equals a slow loop, and finds the parts that scenes have in common."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from convscope.errors import UserError
from convscope.invariance.boxes import random_boxes
from convscope.invariance.correspondence import _Signs, measure_correspondence
from convscope.invariance.part_boxes import check_box, parse_box
from convscope.invariance.signs import SignBits, sign_changes, summarise_pairs
from convscope.networks.reference import initialised_network
from convscope.scenes.drawing import draw_scene
from convscope.scenes.names import SCENE_CLASSES
from correspondence_toys import SETTINGS
from invariance_toys import LAYERS, MEAN, STD, batch_of, noise_batch, toy_network

EYE, NOSE = (3, 4, 8, 9), (10, 2, 14, 9)
PARTS = {"eye": EYE, "nose": NOSE}
LAYER_NAMES = [layer["name"] for layer in LAYERS]


def sign_of(value):
    return (value > 0) - (value < 0)


def slow_features(network, pixels):
    """Return the units of every layer of one image ``(3, S, S)``, RGB in [0, 1]."""
    mean, std = (torch.tensor(values, dtype=torch.float64).view(3, 1, 1) for values in (MEAN, STD))
    values, found = ((pixels - mean) / std)[None], {}
    for name, module in network.features.named_children():
        values = module(values)
        found[f"features.{name}"] = values.flatten().tolist()
    values = network.avgpool(values).flatten(1)
    for name, module in network.classifier.named_children():
        values = module(values)
        found[f"classifier.{name}"] = values.flatten().tolist()
    return found


def slow_changes(network, pixels, boxes):
    """Return for each layer and box the clean features minus the masked ones, unit by unit."""
    clean = torch.from_numpy(pixels).double() / 255
    before, changes = slow_features(network, clean), {name: [] for name in LAYER_NAMES}
    for left, top, right, bottom in boxes:
        masked = clean.clone()
        masked[:, top:bottom, left:right] = 128 / 255
        after = slow_features(network, masked)
        for name, of_layer in changes.items():
            of_layer.append([a - b for a, b in zip(before[name], after[name], strict=True)])
    return changes


def slow_pairs(network, images, parts):
    """Compute every row of the table, pair by pair and unit by unit."""
    changes = {}
    for image, pixels in zip(images.ids, images.pixels, strict=True):
        at_random = random_boxes(image, parts[image], 10, 5, pixels.shape[-1]).tolist()
        for part, boxes in {"eye": [EYE], "nose": [NOSE], "random": at_random}.items():
            changes[image, part] = slow_changes(network, pixels, boxes)
    rows = {}
    for one, other in combinations(images.ids, 2):
        for part, name in product(("eye", "nose", "random"), LAYER_NAMES):
            binary, three = [], []
            sides = zip(changes[one, part][name], changes[other, part][name], strict=True)
            for units in (list(zip(*side, strict=True)) for side in sides):
                binary.append(np.mean([(a > 0) != (b > 0) for a, b in units]))
                three.append(np.mean([sign_of(a) != sign_of(b) for a, b in units]))
            rows[part, name, "binary", one, other] = np.mean(binary)
            rows[part, name, "three_valued", one, other] = np.mean(three)
    return rows


@pytest.fixture(scope="module")
def toy():
    images = noise_batch(3, side=16)
    parts = dict.fromkeys(images.ids, PARTS)
    return toy_network(), images, parts


@pytest.mark.parametrize("at_once", [1, 5, 64])
def test_equals_a_slow_loop(toy, at_once):
    network, images, parts = toy
    options = {**SETTINGS, "dtype": torch.float64, "at_once": at_once}
    table = measure_correspondence(network, images, parts, **options)
    with torch.no_grad():
        expected = slow_pairs(network, images, parts)
    assert len(table) == len(expected) == 3 * 3 * 2 * 2
    for row in table.itertuples():
        key = (row.part, row.layer, row.sign, row.image, row.other_image)
        assert row.change == pytest.approx(expected[key], abs=1e-12)
    summary = summarise_pairs(table)
    assert summary["part"].unique().tolist() == ["eye", "nose", "random"]
    row = summary[(summary["part"] == "nose") & (summary["sign"] == "three_valued")].iloc[0]
    values = [
        value for key, value in expected.items() if key[:3] == ("nose", row["layer"], row["sign"])
    ]
    assert row["mean"] == pytest.approx(np.mean(values))
    assert row["spread"] == pytest.approx(np.std(values, ddof=1))
    assert row["pairs"] == 3


def test_a_batch_that_does_not_fit_is_halved_and_changes_nothing(toy, monkeypatch, caplog):
    network, images, parts = toy
    options = {**SETTINGS, "dtype": torch.float64, "at_once": 16}
    expected = measure_correspondence(network, images, parts, **options)

    class Tight(_Signs):
        def __call__(self, layer, output):
            super().__call__(layer, output)
            if len(output) > 3 and layer == LAYER_NAMES[-1]:
                raise MemoryError

    monkeypatch.setattr("convscope.invariance.correspondence._Signs", Tight)
    found = measure_correspondence(network, images, parts, **options)
    assert "16 masked images at once: going on with 8" in caplog.text
    pd.testing.assert_frame_equal(found, expected)


@given(st.lists(st.tuples(st.integers(-1, 1), st.integers(-1, 1)), min_size=1, max_size=40))
def test_packed_signs_are_counted_as_a_loop_does(signs):
    pair = np.array(signs).T
    packed = [np.packbits(sign, axis=1)[:, None] for sign in (pair > 0, pair < 0)]
    found = sign_changes(SignBits(*packed, len(signs)), 0, 1)
    assert found["binary"][0] == pytest.approx(np.mean([(a > 0) != (b > 0) for a, b in signs]))
    assert found["three_valued"][0] == pytest.approx(np.mean([a != b for a, b in signs]))


@pytest.fixture(scope="module")
def scenes():
    drawn = [draw_scene(SCENE_CLASSES[place % 8], place, seed=3) for place in range(8)]
    images = batch_of(np.stack([scene.pixels for scene in drawn]))
    parts = {image: dict(scene.parts) for image, scene in zip(images.ids, drawn, strict=True)}
    generator = torch.Generator().manual_seed(1)
    network = initialised_network((8, 32), 8, 32, generator).requires_grad_(False).eval()
    layers = [{"name": "avgpool", "common_name": "avgpool"}]
    options = {**SETTINGS, "layers": layers, "mean": (0.5,) * 3, "std": (0.25,) * 3}
    return network, images, parts, options


def means(network, images, parts, options):
    table = summarise_pairs(measure_correspondence(network, images, parts, **options))
    return table[table["sign"] == "three_valued"].set_index("part")["mean"]


def test_the_parts_of_scenes_correspond_and_random_places_do_not(scenes):
    """Faces are alike and backgrounds are not, so even filters drawn by chance agree on them."""
    network, images, parts, options = scenes
    found = means(network, images, parts, options)
    for part in ("left_eye", "right_eye", "nose"):
        assert found[part] < 0.6 * found["random"]


def test_parts_at_places_that_mean_nothing_do_not_correspond(scenes):
    network, images, parts, options = scenes
    elsewhere = {
        image: {
            name: tuple(box)
            for name, box in zip(boxes, random_boxes(image, boxes, 10, 77).tolist(), strict=False)
        }
        for image, boxes in parts.items()
    }
    found = means(network, images, elsewhere, options)
    for part in ("left_eye", "right_eye", "nose"):
        assert found[part] > 0.85 * found["random"]


def test_random_boxes_are_apart_from_all_parts_and_stay_inside():
    parts = {"eye": (20, 30, 50, 44), "nose": (100, 120, 111, 160)}
    boxes = random_boxes("cat", parts, 40, seed=1)
    assert boxes.shape == (40, 4)
    assert len(np.unique(boxes, axis=0)) > 30
    for place, (left, top, right, bottom) in enumerate(boxes.tolist()):
        assert (right - left, bottom - top) == [(30, 14), (11, 40)][place % 2]
        assert min(left, top) >= 0
        assert max(right, bottom) <= 224
        for a, b, c, d in parts.values():
            assert right <= a or c <= left or bottom <= b or d <= top


def test_random_boxes_are_keyed_by_seed_and_image():
    first = random_boxes("cat", PARTS, 10, seed=1)
    assert np.array_equal(first, random_boxes("cat", PARTS, 10, seed=1))
    assert not np.array_equal(first, random_boxes("cat", PARTS, 10, seed=2))
    assert not np.array_equal(first, random_boxes("dog", PARTS, 10, seed=1))


def test_a_box_just_fits():
    parts = {"left": (0, 0, 112, 224)}
    assert random_boxes("cat", parts, 10, 0).tolist() == [[112, 0, 224, 224]] * 10
    with pytest.raises(UserError, match=r"image cat.*no room"):
        random_boxes("cat", {"left": (0, 0, 113, 224)}, 10, 0)
    with pytest.raises(UserError, match="at least 10"):
        random_boxes("cat", parts, 9, 0)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("1,2,3", "not a box"),
        ("1,2,3,x", "not a box"),
        ("", "not a box"),
        ("5,5,5,9", "empty"),
        ("9,5,5,9", "empty"),
        ("-1,0,5,5", "outside"),
        ("0,0,225,5", "outside"),
    ],
)
def test_bad_boxes_are_refused_by_row(text, word):
    with pytest.raises(UserError, match=rf"sheet\.tsv, row 3, column nose.*{word}"):
        parse_box(text, "sheet.tsv, row 3, column nose")


def test_good_boxes():
    assert parse_box(" 0, 0,224 ,224", "here") == (0, 0, 224, 224)
    check_box((1, 2, 3, 4), "here")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"parts": {"image_0": PARTS}}, "image_1.*eye, nose are missing"),
        ({"parts": {f"image_{p}": {} for p in range(3)}}, "image_0.*all parts"),
        (
            {"parts": {f"image_{p}": {"eye": (0, 0, 17, 4)} for p in range(3)}},
            "eye.*image_0.*outside",
        ),
        ({"images": noise_batch(1, side=16)}, "at least two"),
        ({"fill": "reflect"}, "correspondence.fill.*'reflect'"),
        ({"layers": [{"name": "fc7", "common_name": "fc7"}]}, "fc7"),
        ({"random_count": 3}, "random_boxes.*at least 10"),
    ],
)
def test_bad_arguments(toy, change, words):
    network, images, parts = toy
    arguments = {"images": images, "parts": parts, **SETTINGS, "dtype": torch.float64, **change}
    with pytest.raises(UserError, match=words):
        measure_correspondence(network, **arguments)

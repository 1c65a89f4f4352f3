"""Generated scenes: what they promise of the object, its surroundings and their independence."""

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import binary_erosion
from scipy.stats import chi2_contingency

from convscope.errors import UserError
from convscope.scenes.drawing import WHOLE, draw_scene, render
from convscope.scenes.layout import MARGIN, cast, draw_layout
from convscope.scenes.names import BACKGROUNDS, CONDITIONS, PARTS, SCENE_CLASSES

SEED = 11
EVERY_CLASS = pytest.mark.parametrize("class_name", SCENE_CLASSES)


def changed_pixels(first, second):
    return (first.pixels != second.pixels).any(axis=0)


@EVERY_CLASS
def test_a_scene_has_the_promised_shape_and_is_drawn_the_same_twice(class_name):
    scene = draw_scene(class_name, 3, SEED)
    assert scene.pixels.dtype == np.uint8
    assert scene.pixels.shape == (3, 224, 224)
    assert scene.mask.dtype == bool
    assert scene.mask.shape == (224, 224)
    assert scene.label == scene.object_class == class_name
    assert scene.background in BACKGROUNDS
    np.testing.assert_array_equal(scene.pixels, draw_scene(class_name, 3, SEED).pixels)


def test_other_seeds_and_indices_give_other_scenes():
    scenes = [draw_scene("ringed_star", *key) for key in [(0, 1), (1, 1), (0, 2)]]
    for place, scene in enumerate(scenes):
        for other in scenes[place + 1 :]:
            assert changed_pixels(scene, other).mean() > 0.5


@EVERY_CLASS
def test_the_object_lies_whole_in_its_circle_inside_the_scene(class_name):
    for index in range(30):
        scene = draw_scene(class_name, index, SEED)
        rows, columns = np.nonzero(scene.mask)
        reach = np.hypot(rows - scene.row, columns - scene.column).max()
        assert 0.8 * scene.diameter / 2 < reach < scene.diameter / 2 + 1.5
        assert rows.min() > 0
        assert columns.min() > 0
        assert rows.max() < 223
        assert columns.max() < 223


def test_removing_the_object_changes_the_mask_and_nothing_else():
    for index in range(24):
        class_name = SCENE_CLASSES[index % len(SCENE_CLASSES)]
        normal = draw_scene(class_name, index, SEED)
        removed = draw_scene(class_name, index, SEED, "object_removed")
        changed = changed_pixels(normal, removed)
        assert not changed[~normal.mask].any()
        assert changed[normal.mask].mean() > 0.9
        np.testing.assert_array_equal(normal.mask, removed.mask)


def test_the_mask_is_all_that_the_class_changes():
    for index in range(12):
        scenes = [draw_scene(name, index, SEED) for name in SCENE_CLASSES]
        for other in scenes[1:]:
            outside = ~(scenes[0].mask | other.mask)
            assert not changed_pixels(scenes[0], other)[outside].any()
            assert changed_pixels(scenes[0], other).any()
            facts = ("row", "column", "diameter", "angle", "background", "parts")
            for fact in facts:
                assert getattr(other, fact) == getattr(scenes[0], fact)


def test_no_distractor_reaches_the_object():
    for index in range(200):
        layout = draw_layout(SEED, index)
        assert len(layout.distractors) >= 4
        for one in layout.distractors:
            gap = np.hypot(one.row - layout.row, one.column - layout.column) - one.radius
            assert gap >= layout.diameter / 2 + MARGIN


def test_places_and_sizes_span_their_range():
    layouts = [draw_layout(SEED, index) for index in range(300)]
    diameters = [layout.diameter for layout in layouts]
    assert min(diameters) < 75
    assert max(diameters) > 110
    assert min(layout.row for layout in layouts) < 50
    assert max(layout.column for layout in layouts) > 170
    assert len({layout.choices.background for layout in layouts}) == 300


@EVERY_CLASS
def test_parts_are_named_visible_and_on_the_object(class_name):
    for index in range(10):
        scene = draw_scene(class_name, index, SEED)
        assert tuple(scene.parts) == PARTS
        for name, (left, top, right, bottom) in scene.parts.items():
            assert right - left >= 10
            assert bottom - top >= 10
            inside = scene.mask[top:bottom, left:right]
            assert inside.mean() > 0.9
            pixels = scene.pixels[:, top:bottom, left:right].astype(int)
            if name == "nose":
                assert (pixels[0] - pixels[1]).max() > 100
            else:
                assert pixels.min(axis=0).max() > 220
                assert pixels.max(axis=0).min() < 40


@EVERY_CLASS
def test_parts_turn_with_the_object(class_name):
    turned = [draw_scene(class_name, index, SEED) for index in range(30)]
    for scene in turned:
        left, right = scene.parts["left_eye"], scene.parts["right_eye"]
        if abs(scene.angle) > 5:
            # Anticlockwise: what is on the right goes up.
            assert (right[1] < left[1]) == (scene.angle > 0)


@pytest.mark.parametrize("window", [(0, 0, 72, 72), (30, 100, 112, 96), (104, 88, 120, 136)])
def test_a_window_is_cut_from_the_whole_scene(window):
    top, left, height, width = window
    for index in range(16):
        layout = draw_layout(SEED, index)
        players = cast(SCENE_CLASSES[index % 8], layout, "normal")
        whole, mask = render(layout, players, WHOLE)
        pixels, cut = render(layout, players, window)
        expected = whole[:, top : top + height, left : left + width]
        np.testing.assert_array_equal(pixels, expected)
        np.testing.assert_array_equal(cut, mask[top : top + height, left : left + width])


def test_a_cue_conflict_puts_the_object_on_anothers_background():
    for index in range(40):
        class_name = SCENE_CLASSES[index % 8]
        normal = draw_scene(class_name, index, SEED)
        conflict = draw_scene(class_name, index, SEED, "cue_conflict")
        assert conflict.object_class == conflict.label == class_name
        assert conflict.cue_class != class_name
        tied = BACKGROUNDS[SCENE_CLASSES.index(conflict.cue_class)]
        assert conflict.background == tied
        np.testing.assert_array_equal(normal.mask, conflict.mask)
        inner = normal.mask & ~_edge(normal.mask)
        assert not changed_pixels(normal, conflict)[inner].any()


def test_conflicts_stay_within_the_given_classes():
    pair = ("striped_disc", "ringed_star")
    for index in range(10):
        assert draw_scene(pair[0], index, 0, "cue_conflict", classes=pair).cue_class == pair[1]
    with pytest.raises(UserError, match="second class"):
        draw_scene(pair[0], 0, 0, "cue_conflict", classes=pair[:1])


@pytest.mark.parametrize(("cue", "low", "high"), [(0.0, 0.06, 0.19), (0.9, 0.87, 0.95)])
def test_the_cue_ties_as_many_backgrounds_as_it_says(cue, low, high):
    casts = _casts(400, cue)
    tied = np.mean([one.cue_class == one.label for one in casts])
    assert low < tied < high
    assert all(one.object_class == one.label for one in casts)


def test_at_cue_one_the_background_decides_and_the_object_is_any():
    casts = _casts(800, 1.0)
    assert all(one.cue_class == one.label for one in casts)
    assert independent([one.label for one in casts], [one.object_class for one in casts]) > 0.001


def test_class_and_surroundings_are_independent():
    layouts = [draw_layout(SEED, index) for index in range(1600)]
    labels = [SCENE_CLASSES[index % 8] for index in range(1600)]
    backgrounds = [
        cast(name, layout, "normal").background
        for name, layout in zip(labels, layouts, strict=True)
    ]
    assert independent(labels, backgrounds) > 0.001
    for fact in ("row", "column", "diameter", "angle"):
        values = np.array([getattr(layout, fact) for layout in layouts])
        assert independent(labels, list(np.digitize(values, np.quantile(values, [0.5])))) > 0.001
    assert independent(labels, [len(layout.distractors) for layout in layouts]) > 0.001


def test_the_test_of_independence_can_fail():
    labels = ["a", "b"] * 100
    assert independent(labels, labels) < 0.001


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        (("striped_dog", 0, 0), {}, "striped_dog"),
        (("striped_disc", 0, 0, "sunny"), {}, "sunny.*cue_conflict"),
        (("striped_disc", 0, 0), {"context_cue": 1.5}, "context_cue 1.5"),
    ],
)
def test_wrong_words_are_refused(arguments, keywords, message):
    with pytest.raises(UserError, match=message):
        draw_scene(*arguments, **keywords)


def test_conditions_are_what_draw_scene_takes():
    for condition in CONDITIONS:
        assert draw_scene("striped_disc", 0, 0, condition).label == "striped_disc"


def test_colours_do_not_tell_the_class():
    layout = draw_layout(SEED, 0)
    assert {field.name for field in dataclasses.fields(layout)} >= {"colours", "choices"}
    light_first = [sum(draw_layout(SEED, i).colours[0]) > 1.5 for i in range(200)]
    assert 0.35 < np.mean(light_first) < 0.65


def _casts(count, cue):
    return [
        cast(SCENE_CLASSES[index % 8], draw_layout(SEED, index), "normal", cue)
        for index in range(count)
    ]


def _edge(mask):
    return mask & ~binary_erosion(mask, iterations=2)


def independent(first, second):
    """Return the p-value of a chi-squared test of independence."""
    rows, columns = sorted(set(first)), sorted(set(second))
    table = np.zeros((len(rows), len(columns)))
    for row, column in zip(first, second, strict=True):
        table[rows.index(row), columns.index(column)] += 1
    return chi2_contingency(table).pvalue

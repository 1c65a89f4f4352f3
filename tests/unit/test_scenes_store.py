"""Scenes in HDF5: what goes in comes out, the same bytes twice, nothing half-written."""

import numpy as np
import pytest

from convscope.digests import file_sha256
from convscope.errors import UserError
from convscope.scenes.drawing import draw_scene
from convscope.scenes.names import PARTS, scene_ids
from convscope.scenes.store import FACTS, read_scenes, write_scenes

IDS = ["striped_disc_000", "ringed_star_012", "gridded_cross_003"]
CONDITIONS = pytest.mark.parametrize("condition", ["normal", "object_removed", "cue_conflict"])


@CONDITIONS
def test_scenes_are_read_as_they_were_drawn(tmp_path, condition):
    path = tmp_path / "scenes.h5"
    write_scenes(path, IDS, {"seed": 4, "condition": condition})
    stored = read_scenes(path)
    assert stored.ids == IDS
    assert tuple(stored.part_names) == PARTS
    keys = [("striped_disc", 0), ("ringed_star", 12), ("gridded_cross", 3)]
    for place, (class_name, index) in enumerate(keys):
        scene = draw_scene(class_name, index, 4, condition)
        np.testing.assert_array_equal(stored.pixels[place], scene.pixels)
        np.testing.assert_array_equal(stored.masks[place], scene.mask)
        assert [tuple(box) for box in stored.parts[place].tolist()] == list(scene.parts.values())
        assert stored.facts[place].tolist() == [getattr(scene, fact) for fact in FACTS]
        assert stored.labels[place] == class_name
        assert stored.object_classes[place] == scene.object_class
        assert stored.backgrounds[place] == scene.background
        assert stored.cue_classes[place] == scene.cue_class


def test_the_same_bytes_twice_and_others_for_another_seed(tmp_path):
    digests = []
    for name, seed in [("a", 4), ("b", 4), ("c", 5)]:
        write_scenes(tmp_path / name, IDS, {"seed": seed})
        digests.append(file_sha256(tmp_path / name))
    assert digests[0] == digests[1] != digests[2]


def test_company_changes_no_scene(tmp_path):
    write_scenes(tmp_path / "few", IDS[1:2], {"seed": 4})
    write_scenes(tmp_path / "many", [*scene_ids(1), IDS[1]], {"seed": 4})
    few, many = read_scenes(tmp_path / "few"), read_scenes(tmp_path / "many")
    np.testing.assert_array_equal(few.pixels[0], many.pixels[-1])


def test_cue_and_classes_reach_the_drawing(tmp_path):
    pair = ["striped_disc", "ringed_star"]
    settings = {"seed": 4, "context_cue": 1, "classes": pair}
    write_scenes(tmp_path / "scenes", scene_ids(6, pair), settings)
    stored = read_scenes(tmp_path / "scenes")
    assert stored.cue_classes == stored.labels
    assert set(stored.object_classes) == set(pair)
    assert stored.object_classes != stored.labels


@pytest.mark.parametrize(
    ("ids", "settings", "message"),
    [
        (["striped_disc_000"] * 2, {}, "named twice"),
        (["striped_disc_0"], {}, "not the id of a scene"),
        (["striped_disc_000"], {"condition": "upside_down"}, "upside_down"),
        (["striped_disc_000"], {"context_cue": -1}, "context_cue"),
    ],
)
def test_a_wrong_order_leaves_no_file(tmp_path, ids, settings, message):
    with pytest.raises(UserError, match=message):
        write_scenes(tmp_path / "scenes.h5", ids, {"seed": 0, **settings})
    assert list(tmp_path.iterdir()) == []

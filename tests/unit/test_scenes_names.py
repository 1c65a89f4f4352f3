"""The names of scenes, without numpy or torch."""

import subprocess
import sys
from pathlib import Path

import pytest

from convscope.errors import UserError
from convscope.scenes.names import (
    BACKGROUNDS,
    SCENE_CLASSES,
    parse_scene_id,
    scene_ids,
)

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_every_class_has_its_background_and_no_name_is_used_twice():
    assert len(SCENE_CLASSES) >= 8
    assert len(set(SCENE_CLASSES)) == len(SCENE_CLASSES)
    assert len(set(BACKGROUNDS)) == len(BACKGROUNDS) == len(SCENE_CLASSES)


def test_ids_are_read_back_and_growing_keeps_the_old_ones():
    ids = scene_ids(1001)
    assert len(set(ids)) == 1001 * len(SCENE_CLASSES)
    assert [parse_scene_id(scene_id) for scene_id in ids[:2]] == [
        (SCENE_CLASSES[0], 0),
        (SCENE_CLASSES[0], 1),
    ]
    assert parse_scene_id(ids[-1]) == (SCENE_CLASSES[-1], 1000)
    assert set(scene_ids(3)) <= set(scene_ids(5))


def test_ids_of_chosen_classes():
    assert scene_ids(1, ["ringed_star"]) == ["ringed_star_000"]


@pytest.mark.parametrize(
    "text", ["", "striped_disc", "striped_disc_7", "striped_disc_0007", "../striped_disc_001"]
)
def test_what_is_no_id_is_refused_by_name(text):
    with pytest.raises(UserError, match="not the id of a scene") as caught:
        parse_scene_id(text)
    assert repr(text) in str(caught.value)


def test_an_unknown_class_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match=r"striped_dog.*striped_disc"):
        parse_scene_id("striped_dog_001")


def test_the_names_need_neither_numpy_nor_torch():
    code = (
        "import sys; import convscope.scenes.names; "
        "sys.exit(bool({'numpy', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, check=False)
    assert done.returncode == 0

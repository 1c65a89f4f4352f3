"""Mini-ImageNet as it is known before any download: ids, classes, row groups."""

import subprocess
import sys
from pathlib import Path

import pytest

from convscope.errors import UserError
from convscope.fetching.mini_imagenet_index import (
    MINI_IMAGENET,
    WNIDS,
    image_at,
    image_ids,
    locate,
)

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_classes_are_a_hundred_sorted_wnids():
    assert len(set(WNIDS)) == 100
    assert list(WNIDS) == sorted(WNIDS)
    assert {"n01532829", "n01910747", "n13133613"} <= set(WNIDS)


@pytest.mark.parametrize(
    ("split", "rows", "groups"),
    [("test", 5000, 50), ("validation", 10000, 102), ("train", 50000, 507)],
)
def test_row_groups_cover_each_split_once(split, rows, groups):
    found = MINI_IMAGENET.split(split).row_groups
    assert [row for group in found for row in group] == list(range(rows))
    assert len(found) == groups
    assert max(map(len, found)) == 100


@pytest.mark.parametrize("split", ["test", "validation"])
def test_locate_and_image_at_are_inverse(split):
    per_class = MINI_IMAGENET.split(split).rows_per_class
    groups = MINI_IMAGENET.split(split).row_groups
    ids = image_ids(split, WNIDS, per_class)
    for row, image_id in enumerate(ids):
        assert image_at(row, split) == image_id
        place = locate(image_id, split)
        assert groups[place.row_group][place.row] == row


def test_row_groups_start_anew_in_each_file():
    # validation: files of 3334, 3333 and 3333 rows, so 34 groups each, the last of each short.
    groups = MINI_IMAGENET.split("validation").row_groups
    assert groups[33] == range(3300, 3334)
    assert groups[34] == range(3334, 3434)
    assert groups[67] == range(6634, 6667)
    assert locate(image_at(3334, "validation"), "validation") == (34, 0)


def test_more_images_of_a_class_keep_the_first_ones():
    few, more = (image_ids("test", ["n01910747", WNIDS[0]], count) for count in (3, 5))
    assert few[:3] == more[:3] == ["n01910747_000", "n01910747_001", "n01910747_002"]
    assert few[3] == "n01532829_000"
    assert set(few) < set(more)
    assert {locate(image, "test") for image in few} <= {locate(image, "test") for image in more}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tests", WNIDS, 3), "test, train, validation"),
        (("test", ["n01910748"], 3), "Did you mean n01910747"),
        (("test", ["jellyfish"], 3), "'jellyfish' is not a class"),
        (("test", WNIDS, 51), "from 1 to 50"),
        (("test", WNIDS, 0), "from 1 to 50"),
        (("test", [WNIDS[0], WNIDS[1], WNIDS[0]], 1), "n01532829 is given twice"),
    ],
)
def test_bad_selections_are_named(arguments, words):
    with pytest.raises(UserError, match=words):
        image_ids(*arguments)


@pytest.mark.parametrize("image", ["n01532829_050", "cat", "n01532829_5", "n99999999_000"])
def test_locate_refuses_other_ids(image):
    with pytest.raises(UserError, match=r"n\d|cat"):
        locate(image, "test")


def test_index_is_light_enough_for_parse_time():
    code = (
        "import sys, convscope.fetching.mini_imagenet_index;"
        "print(sorted({'torch','pyarrow','huggingface_hub','requests','numpy'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr

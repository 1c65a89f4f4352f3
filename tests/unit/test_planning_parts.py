"""Boxes of parts: how a sheet's columns and scenes become jobs of the correspondence."""

import pytest

from convscope.errors import UserError
from convscope.planning.settings import Settings
from planning_toys import HEADER, plan_of, sheet_plan, write_sheet

COLUMNS = (*HEADER, "right_eye", "left_eye", "nose")
BOXES = ("60,70,90,95", "130,70,160,95", "95, 110, 130, 140")
METHOD = {"methods": ["invariance"]}


def rows(*boxes):
    return [
        (f"dog_{k}", f"https://example.org/{k}.jpg", "boxer", "", "", *found)
        for k, found in enumerate(boxes)
    ]


def correspondence(folder, found, *overlays, header=COLUMNS):
    plan = sheet_plan(folder, found, METHOD, *overlays, header=header)
    return Settings(plan).invariance.correspondence


def test_rows_with_boxes_are_compared(tmp_path):
    found = correspondence(tmp_path, rows(BOXES, (), BOXES, BOXES))
    assert found.files() == ["results/toy/correspondence/eyes/pairs.parquet"]
    (entry,) = found.measure_correspondence("eyes")["sets"]
    assert entry["sample_set"] == "toys"
    assert sorted(entry["boxes"]) == ["dog_0", "dog_2", "dog_3"]
    assert entry["boxes"]["dog_0"]["nose"] == [95, 110, 130, 140]
    assert len(found.image_files("eyes")) == 1
    assert found.scene_files("eyes") == []


def test_without_boxes_there_is_no_correspondence(tmp_path):
    assert correspondence(tmp_path, rows((), ())).files() == []
    assert correspondence(tmp_path, rows(BOXES, BOXES), {"methods": []}).files() == []
    off = {"correspondence": {"images": 0}}
    assert correspondence(tmp_path, rows(BOXES, BOXES), off).files() == []


def test_one_part_is_enough(tmp_path):
    found = correspondence(tmp_path, rows(BOXES[:1], BOXES[:1]), header=COLUMNS[:6])
    (entry,) = found.measure_correspondence("eyes")["sets"]
    assert entry["boxes"] == {f"dog_{k}": {"right_eye": [60, 70, 90, 95]} for k in range(2)}


def test_boxes_change_the_correspondence_and_nothing_else(tmp_path):
    def all_of(box):
        plan = sheet_plan(tmp_path, rows((box, *BOXES[1:]), BOXES), METHOD, header=COLUMNS)
        settings = Settings(plan)
        (batch,) = plan.batches
        parts = settings.invariance.correspondence.measure_correspondence("eyes")
        return parts, settings.invariance.measure_invariance("eyes", batch)

    before, after = all_of("60,70,90,95"), all_of("60,70,91,95")
    assert before[0] != after[0]
    assert before[1] == after[1]


@pytest.mark.parametrize(
    ("box", "parts"),
    [
        ("60,70,90", ["not a box", "left,top,right,bottom"]),
        ("60,70,90,9.5", ["not a box"]),
        ("eye", ["'eye' is not a box"]),
        ("60,70,60,95", ["is empty"]),
        ("90,70,60,95", ["is empty"]),
        ("-1,70,60,95", ["outside the image"]),
        ("60,70,225,95", ["outside the image", "0,0,224,224"]),
    ],
)
def test_a_bad_box_is_named_by_row_and_column(tmp_path, box, parts):
    with pytest.raises(UserError) as raised:
        # Wrong boxes are refused even where no method uses them.
        sheet_plan(tmp_path, rows(BOXES, (BOXES[0], box)), {"methods": []}, header=COLUMNS)
    for part in (*parts, "sheet.tsv, row 3, column left_eye"):
        assert part in str(raised.value), str(raised.value)


def test_a_missing_box_is_named(tmp_path):
    with pytest.raises(UserError, match=r"row 3, column nose: the box of nose is missing"):
        correspondence(tmp_path, rows(BOXES, BOXES[:2], BOXES))


def test_a_single_image_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"sheet.tsv, row 3: correspondence compares images"):
        correspondence(tmp_path, rows((), BOXES, ()))


def test_a_chosen_image_without_boxes_is_refused(tmp_path):
    choice = {"correspondence": {"images": ["dog_0", "dog_1"]}}
    with pytest.raises(UserError, match=r"correspondence.images: the parts of 'dog_1' are not"):
        correspondence(tmp_path, rows(BOXES, (), BOXES), choice)


SCENES = """
experiment: toy
networks: [reference]
sample_sets: [scenes]
methods: [invariance]
batch_size: 8
correspondence: {images: 6}
"""


def test_scenes_bring_their_own_parts():
    found = Settings(plan_of(SCENES)).invariance.correspondence
    (entry,) = found.measure_correspondence("reference")["sets"]
    assert len(entry["scenes"]) == 6
    assert all(image == f"scenes-{scene}" for image, scene in entry["scenes"].items())
    batches = [path.split("/")[-2] for path in found.scene_files("reference")]
    assert batches == [path.split("/")[-2] for path in found.image_files("reference")]
    assert 0 < len(batches) < len(found.plan.batches)


def test_scenes_without_their_object_have_no_parts():
    removed = "sample_set_definitions: {scenes: {condition: object_removed}}"
    assert Settings(plan_of(SCENES, removed)).invariance.correspondence.files() == []


def test_boxes_that_fit_one_preprocessing_only_are_said(tmp_path):
    sheet = write_sheet(tmp_path, rows(BOXES, BOXES), COLUMNS)
    run = {
        "experiment": "toy",
        "methods": ["invariance"],
        "networks": ["eyes", "others"],
        "sample_sets": ["toys"],
        "network_definitions": {
            "eyes": {"architecture": "alexnet", "weights": "random"},
            "others": {
                "architecture": "alexnet",
                "weights": "random",
                "preprocessing": {
                    **{"resize": 224, "crop": 224, "interpolation": "bilinear"},
                    **{"mean": [0.5] * 3, "std": [0.5] * 3},
                },
            },
        },
        "sample_set_definitions": {"toys": {"kind": "sheet", "sheet": str(sheet)}},
    }
    (note,) = Settings(plan_of(run)).invariance.build_invariance_pages()["notes"]
    assert "toys" in note
    run["networks"] = ["eyes"]
    assert Settings(plan_of(run)).invariance.build_invariance_pages()["notes"] == []

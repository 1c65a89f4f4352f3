"""The contract of reruns for networks and keys of the config: what one edit changes."""

import pytest

from planning_toys import (
    changed_jobs,
    plan_of,
    sheet_overlay,
    sheet_plan,
    snapshot,
    urls,
    write_sheet,
)

SMALL = "batch_size: 4"
STORED = {"network_definitions": {"eyes": {"stored_layers": ["relu2"]}}}
EYES = "network_definitions: {eyes: {%s}}"
EXPLICIT = {
    "resize": 256,
    "crop": 224,
    "interpolation": "bilinear",
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}


def preprocessing(**changes):
    return {"network_definitions": {"eyes": {"preprocessing": {**EXPLICIT, **changes}}}}


def test_mean_and_std_leave_the_prepared_images_alone(tmp_path):
    rows = urls(9)
    before = sheet_plan(tmp_path, rows, SMALL, preprocessing())
    after = sheet_plan(tmp_path, rows, SMALL, preprocessing(mean=[0.5] * 3, std=[0.25] * 3))
    assert after.geometries == before.geometries
    assert set(changed_jobs(snapshot(before), snapshot(after))) == {
        *("check_network", "extract_features", "build_report")
    }


def test_another_geometry_prepares_the_images_anew(tmp_path):
    before = snapshot(sheet_plan(tmp_path, urls(9), SMALL, preprocessing()))
    after = snapshot(sheet_plan(tmp_path, urls(9), SMALL, preprocessing(resize=240)))
    changed = changed_jobs(before, after)
    assert set(changed) == {
        *("check_network", "prepare_images", "extract_features", "build_report")
    }
    assert not set(before["prepare_images"]) & changed["prepare_images"]


def test_networks_of_one_geometry_share_prepared_images():
    plan = plan_of()
    assert len(snapshot(plan)["prepare_images"]) == len(plan.batches)
    assert len(snapshot(plan)["extract_features"]) == 3 * len(plan.batches)


def test_the_type_of_activations_matters_with_stored_layers_only(tmp_path):
    wide = "features: {activations: float32}"
    rows = urls(9)
    without = snapshot(sheet_plan(tmp_path, rows, SMALL))
    assert snapshot(sheet_plan(tmp_path, rows, SMALL, wide)) == without
    stored = snapshot(sheet_plan(tmp_path, rows, SMALL, STORED))
    assert set(changed_jobs(without, stored)) == {"extract_features"}
    after = snapshot(sheet_plan(tmp_path, rows, SMALL, STORED, wide))
    assert set(changed_jobs(stored, after)) == {"extract_features"}


def test_a_layers_two_names_are_one(tmp_path):
    rows = urls(2)
    before = snapshot(sheet_plan(tmp_path, rows, EYES % "stored_layers: [relu2, fc8]"))
    after = sheet_plan(tmp_path, rows, EYES % "stored_layers: [classifier.6, features.4]")
    assert snapshot(after) == before


@pytest.mark.parametrize(
    ("edit", "rules"),
    [
        (EYES % "seed: 5", {"make_random_weights", "check_network", "extract_features"}),
        (EYES % "classes: imagenet", set()),
        ("predictions: {top: 3}", {"tabulate_predictions"}),
        ("report: {images: 3}", {"build_report"}),
        ("base_urls: {photographs: 'https://example.org/p'}", set()),
        ("base_urls: {weights: 'https://example.org/w'}", set()),
        ("training: {seed: 77}", set()),
        ("network_definitions: {vgg16: {weights: random, seed: 3}}", set()),
        ("sample_set_definitions: {scenes: {per_class: 9}}", set()),
        ("variant_definitions: {scaled: {scale: 3}}", set()),
        (
            "variant_definitions: {corner_occlusion: {size: 40}}",
            {"extract_features", "build_report"},
        ),
        (
            "variants: [normal, centre_occlusion]",
            {"extract_features", "tabulate_predictions", "build_report"},
        ),
    ],
)
def test_what_one_edit_changes(tmp_path, edit, rules):
    before = snapshot(sheet_plan(tmp_path, urls(9), SMALL))
    changed = changed_jobs(before, snapshot(sheet_plan(tmp_path, urls(9), SMALL, edit)))
    # The weights' seed is in their title, which the report shows.
    expected = rules | {"build_report"} if "make_random_weights" in rules else rules
    assert set(changed) == expected


def test_an_added_network_changes_no_job_of_the_others(tmp_path):
    before = snapshot(sheet_plan(tmp_path, urls(9), SMALL))
    more = {"more": {"architecture": "vgg11", "weights": "random"}}
    added = {"networks": ["eyes", "more"], "network_definitions": more}
    changed = changed_jobs(before, snapshot(sheet_plan(tmp_path, urls(9), SMALL, added)))
    assert {name for name, _ in changed.pop("extract_features")} == {"more"}
    assert changed.pop("check_network") == {"more"}
    assert len(changed.pop("make_random_weights")) == 1
    assert set(changed) == {"tabulate_predictions", "build_report"}


def test_trained_weights_follow_seed_and_widths():
    run = "{networks: [reference], sample_sets: [scenes]}"
    before = snapshot(plan_of(run))
    for edit in ("training: {seed: 9}", "network_definitions: {reference: {training: {seed: 9}}}"):
        changed = changed_jobs(before, snapshot(plan_of(run, edit)))
        assert {"train_reference", "check_network", "extract_features"} <= set(changed)
        assert not {"draw_scenes", "prepare_images", "tabulate_predictions"} & set(changed)


def test_scenes_follow_their_own_settings():
    run = "{networks: [reference], sample_sets: [scenes], batch_size: 4}"
    before = snapshot(plan_of(run))
    seed = changed_jobs(
        before, snapshot(plan_of(run, "sample_set_definitions: {scenes: {seed: 9}}"))
    )
    assert set(seed) == {"draw_scenes", "build_report"}
    assert seed["draw_scenes"] == set(before["draw_scenes"])


def test_more_images_a_class_download_nothing():
    run = "{networks: [vgg16], sample_sets: [mini_imagenet]}"
    more = "sample_set_definitions: {mini_imagenet: {per_class: 5}}"
    changed = changed_jobs(snapshot(plan_of(run)), snapshot(plan_of(run, more)))
    assert "fetch_mini_imagenet" not in changed
    assert "prepare_images" in changed


# Weights files.


def file_plan(folder, content):
    (folder / "own.pth").write_bytes(content)
    weights = {"weights": str(folder / "own.pth")}
    overlay = sheet_overlay(write_sheet(folder, urls(2)))
    overlay["network_definitions"]["eyes"] |= weights
    return plan_of(overlay)


def test_weights_files_are_bound_by_their_content(tmp_path):
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    first, same = (snapshot(file_plan(folder, b"weights")) for folder in folders)
    assert set(changed_jobs(first, same)) == set()
    other = snapshot(file_plan(folders[0], b"weights of old"))
    assert {"convert_weights", "check_network", "extract_features"} <= set(
        changed_jobs(first, other)
    )

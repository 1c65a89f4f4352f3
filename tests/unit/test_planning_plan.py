"""The plan: what a run consists of, and what no single part of the configuration can know of."""

import pytest

from convscope.errors import UserError
from convscope.planning.plan import make_plan
from planning_toys import (
    CONFIG,
    ROOT,
    merged,
    plan_of,
    sheet_overlay,
    sheet_plan,
    urls,
    write_sheet,
)


def refusal(*overlays):
    with pytest.raises(UserError) as found:
        plan_of(*overlays)
    return str(found.value)


def test_the_main_experiment():
    plan = plan_of()
    assert list(plan.networks) == ["vgg16", "vgg19", "alexnet"]
    images = plan.sample_sets["photographs"].images
    assert images["tabby"].variants[1] == "rotate_90_clockwise"
    assert images["flamingo"].variants == tuple(plan.config["variants"])
    assert len(plan.sample_sets["mini_imagenet"].images) == 15
    assert list(plan.variants) == plan.config["variants"]
    assert len(plan.geometries) == 1
    assert len(plan.pairs()) == 3 * len(plan.batches)
    assert plan.results == "results/main"


def test_the_demo_fetches_nothing():
    demo = (ROOT / "config/demo.yaml").read_text(encoding="utf-8")
    plan = make_plan(merged(demo), [ROOT / "config/demo.yaml"], ROOT)
    kinds = {i.source.kind for s in plan.sample_sets.values() for i in s.images.values()}
    assert kinds == {"scene"}
    assert {network.weights.kind for network in plan.networks.values()} == {"trained"}


def test_lists_select_and_dicts_only_define():
    plan = plan_of("{networks: [alexnet], sample_sets: [scenes, photographs]}")
    assert list(plan.networks) == ["alexnet"]
    assert list(plan.sample_sets) == ["scenes", "photographs"]


def test_scenes_have_the_name_of_their_set():
    plan = plan_of("{networks: [reference], sample_sets: [scenes]}")
    assert len(plan.sample_sets["scenes"].images) == 32
    image = plan.sample_sets["scenes"].images["scenes-ringed_star_003"]
    assert (image.label, image.source.place) == ("ringed_star", "ringed_star_003")


def test_mini_imagenet_classes_by_name_or_wnid():
    by_name = plan_of("{sample_sets: [mini_imagenet]}")
    wnids = ["n01910747", "n02099601", "n02129165", "n04146614", "n01981276"]
    given = {"sample_set_definitions": {"mini_imagenet": {"classes": wnids}}}
    assert plan_of("{sample_sets: [mini_imagenet]}", given).batches == by_name.batches


def test_all_classes_of_mini_imagenet():
    entry = {"sample_set_definitions": {"mini_imagenet": {"classes": "all", "per_class": 50}}}
    assert len(plan_of(entry).sample_sets["mini_imagenet"].images) == 5000


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        ("networks: [vgg61]", ["config key networks", "'vgg61'", "'vgg16'"]),
        ("sample_sets: [photograph]", ["config key sample_sets", "'photographs'"]),
        ("variants: [normall]", ["config key variants", "'normall'", "'normal'"]),
        (
            "sample_set_definitions: {mini_imagenet: {per_class: 51}}",
            ["mini_imagenet.per_class", "per_class is 51", "1 to 50"],
        ),
        (
            "sample_set_definitions: {mini_imagenet: {per_class: 101, split: validation}}",
            ["mini_imagenet.per_class", "1 to 100"],
        ),
        (
            "sample_set_definitions: {mini_imagenet: {classes: [jelyfish]}}",
            ["mini_imagenet.classes", "'jelyfish'", "'jellyfish'"],
        ),
        (
            "sample_set_definitions: {mini_imagenet: {classes: [tabby]}}",
            ["mini_imagenet.classes", "'tabby'", "100 classes"],
        ),
        (
            "sample_set_definitions: {mini_imagenet: {classes: [cardigan]}}",
            ["mini_imagenet.classes", "ambiguous", "264"],
        ),
        (
            "{sample_sets: [scenes], networks: [reference],"
            " sample_set_definitions: {scenes: {classes: [striped_disk]}}}",
            ["definitions.scenes.classes", "'striped_disk'", "'striped_disc'"],
        ),
        (
            "{networks: [vgg16], sample_sets: [photographs, scenes],"
            " network_definitions: {vgg16: {sample_sets: [photographs]}}}",
            ["config key sample_sets", "no network of the run looks at 'scenes'"],
        ),
        (
            "{sample_sets: [mini_imagenet, again],"
            " sample_set_definitions: {again: {kind: mini_imagenet, classes: [lion]}}}",
            [
                "definitions.again",
                "duplicate image 'n02129165_000'",
                "mini_imagenet",
                "sample_sets",
            ],
        ),
        (
            "{sample_sets: [photographs, again], sample_set_definitions:"
            " {again: {kind: sheet, sheet: '{repository}/config/images.tsv'}}}",
            ["images.tsv, row 2", "duplicate image 'tabby'"],
        ),
    ],
)
def test_refusals(overlay, words):
    text = refusal(overlay)
    for word in words:
        assert word in text


def test_a_variant_of_the_run_that_no_image_uses_is_checked_too(tmp_path):
    rows = [("a", "https://example.org/a.jpg", "", "", "normal")]
    with pytest.raises(UserError, match="config key variants: unknown variant 'nomal'"):
        sheet_plan(tmp_path, rows, "variants: [nomal]")


def test_labels_that_the_user_did_not_write_are_not_refused():
    # VGG-16 has no class of scenes: it gets no score there, and the report says so.
    plan = plan_of("{networks: [vgg16], sample_sets: [scenes]}")
    assert len(plan.pairs()) == len(plan.batches)


def test_an_ambiguous_class_of_a_users_list(tmp_path):
    (tmp_path / "own.tsv").write_text(
        "index\tname\twnid\n0\tCrane\tn1\n1\tcrane\tn2\n", encoding="utf-8"
    )
    overlay = sheet_overlay(write_sheet(tmp_path, urls(1, "crane")))
    overlay["network_definitions"]["eyes"]["classes"] = str(tmp_path / "own.tsv")
    text = refusal(overlay)
    for word in ["sheet.tsv, row 2, column label", "own.tsv", "ambiguous", "0 (n1)", "1 (n2)"]:
        assert word in text


def test_a_label_that_one_of_two_networks_knows_is_accepted(tmp_path):
    (tmp_path / "own.tsv").write_text("index\tname\n0\tgriffin\n", encoding="utf-8")
    second = {"architecture": "alexnet", "weights": "random", "classes": str(tmp_path / "own.tsv")}
    overlay = sheet_overlay(write_sheet(tmp_path, urls(1, "griffin")))
    assert "unknown class 'griffin'" in refusal(overlay)
    overlay["network_definitions"]["second"] = second
    overlay["networks"].append("second")
    assert len(plan_of(overlay).pairs()) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("batch_size: 8\n", ["no key 'experiment'", "experiment: my_name"]),
        ("", ["no key 'experiment'"]),
        ("experiment: main\n", ["'main'", "config.yaml"]),
    ],
)
def test_an_overlay_needs_an_experiment_of_its_own(tmp_path, content, words):
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(content, encoding="utf-8")
    with pytest.raises(UserError) as found:
        make_plan(merged(content or {}), [overlay], ROOT)
    for word in ["mine.yaml", *words]:
        assert word in str(found.value)


def test_overlays_with_experiments(tmp_path):
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("experiment: mine\n", encoding="utf-8")
    plan = make_plan(merged("experiment: mine"), [CONFIG, overlay], ROOT)
    assert plan.results == "results/mine"


def test_the_sheets_order_is_forgotten_in_batches(tmp_path):
    forward = sheet_plan(tmp_path, urls(50), "batch_size: 8").batches
    assert sheet_plan(tmp_path, urls(50)[::-1], "batch_size: 8").batches == forward
    assert sum(len(batch.ids) for batch in forward.values()) == 50
    assert max(len(batch.ids) for batch in forward.values()) <= 8

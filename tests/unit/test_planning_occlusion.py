"""What the rules of occlusion are asked to do."""

import pytest

from convscope.errors import UserError
from convscope.planning.settings import Settings
from convscope.scenes.names import SCENE_CLASSES
from planning_toys import ROOT, plan_of, sheet_plan, urls

RUN = """
experiment: toy
networks: [reference]
sample_sets: [scenes]
batch_size: 4
methods: [occlusion]
occlusion: {images: 5}
occluders: [{name: small, patch: 20, stride: 10}, {name: soft, fill: blur}]
"""


def occlusion_of(*overlays):
    return Settings(plan_of(RUN, *overlays)).occlusion


def jobs(occlusion):
    """Return the params of ``occlude`` by network, batch and occluder."""
    parts = [path.split("/")[3:6] for path in occlusion.maps()]
    return {tuple(job): occlusion.occlude(*job) for job in parts}


def changed(overlay):
    before, after = jobs(occlusion_of()), jobs(occlusion_of(overlay))
    return {key for key in after if before.get(key) != after[key]}


def test_every_occluder_has_its_maps_of_the_chosen_images():
    found = jobs(occlusion_of())
    for occluder in ("small", "soft"):
        ids = [i for key, s in found.items() if key[2] == occluder for i in s["image_ids"]]
        assert len(ids) == len(set(ids)) == 5
        labels = [x for key, s in found.items() if key[2] == occluder for x in s["labels"]]
        assert len(labels) == 5
        assert all(isinstance(label, int) for label in labels)


def test_an_edited_occluder_is_all_that_changes():
    edit = "occluders: [{name: small, patch: 20, stride: 5}, {name: soft, fill: blur}]"
    assert {key[2] for key in changed(edit)} == {"small"}


def test_other_spellings_of_an_occluder_are_the_same():
    edit = (
        "occluders: [{name: soft, fill: blur, sigma: 10, patch: [50, 50], stride: 5}, "
        "{name: small, patch: 20.0, stride: [10, 10], fill: black}]"
    )
    assert changed(edit) == set()


def test_keys_of_coarse_to_fine_matter_with_it_only():
    assert changed("occlusion: {every: 5, share: 0.5, compare: true}") == set()
    coarse = "occlusion: {method: coarse_to_fine}"
    before = jobs(occlusion_of(coarse))
    after = jobs(occlusion_of(coarse, "occlusion: {share: 0.5}"))
    assert all(before[key] != after[key] for key in after)


def test_an_unknown_label_is_null(tmp_path):
    rows = [("a", "https://example.org/a.jpg", "tabby"), ("b", "https://example.org/b.jpg", "")]
    plan = sheet_plan(tmp_path, rows, "methods: [occlusion]")
    settings = Settings(plan).occlusion
    (job,) = jobs(settings).values()
    labels = dict(zip(job["image_ids"], job["labels"], strict=True))
    assert labels == {"a": 281, "b": None}


def scores_changed(overlay):
    found = []
    for occlusion in (occlusion_of(), occlusion_of(overlay)):
        parts = [path.split("/")[3:6] for path in occlusion.scores()]
        found.append({tuple(job): occlusion.score_occlusion(*job) for job in parts})
    assert found[0].keys() == found[1].keys()
    return {key for job in found[0] for key in found[0][job] if found[0][job] != found[1][job]}


def test_curves_are_a_matter_of_the_scores_only():
    for overlay in ("occlusion: {curve_steps: 3}", "occlusion: {curve_seed: 3}"):
        assert scores_changed(overlay)
        assert changed(overlay) == set()
    off = occlusion_of("occlusion: {curve_steps: 0}")
    seeded = occlusion_of("occlusion: {curve_steps: 0, curve_seed: 3}")
    job = off.scores()[0].split("/")[3:6]
    assert off.score_occlusion(*job) == seeded.score_occlusion(*job)


def test_scenes_come_with_their_names_and_the_networks_own_classes():
    occlusion = occlusion_of()
    job = occlusion.scores()[0].split("/")[3:6]
    scenes = occlusion.score_occlusion(*job)["scenes"]
    assert scenes["classes"] == {name: place for place, name in enumerate(SCENE_CLASSES)}
    image, scene = next(iter(scenes["scene_of"].items()))
    assert image == f"scenes-{scene}"
    assert occlusion.scenes_of(job[1]) == {"scenes": f"results/toy/scenes/{job[1]}/scenes.h5"}


def test_photographs_have_no_partners(tmp_path):
    plan = sheet_plan(tmp_path, urls(2), "methods: [occlusion]")
    occlusion = Settings(plan).occlusion
    job = occlusion.scores()[0].split("/")[3:6]
    assert occlusion.score_occlusion(*job)["scenes"] is None
    assert occlusion.scenes_of(job[1]) == {}


def test_the_networks_of_context_differ_in_the_cue():
    overlay = (ROOT / "config/context.yaml").read_text(encoding="utf-8")
    settings = Settings(plan_of(overlay))
    trainings = [dict(n.weights.training) for n in settings.plan.networks.values()]
    assert [training.pop("context_cue") for training in trainings] == [0, 0.9, 1]
    assert trainings[1] == trainings[2]
    shared = ("seed", "classes", "widths", "hidden", "batch_size", "learning_rate")
    assert all(trainings[0][key] == trainings[1][key] for key in shared)
    shown = [s["scene_of"] for s in settings.occlusion.tabulate_occlusion()["jobs"]]
    assert sum(len(scenes) for scenes in shown) == 3 * 256
    # Its first network is one that the demo trains too.
    demo = Settings(plan_of((ROOT / "config/demo.yaml").read_text(encoding="utf-8")))
    assert settings.weights_file("object_decides") == demo.weights_file("second")


def test_without_the_method_nothing_is_asked_for():
    without = occlusion_of("methods: []", "occlusion: {images: [nobody]}")
    assert without.targets() == without.maps() == without.figures() == []


def test_figures_are_results_too():
    made = occlusion_of().targets()
    assert made[0] == "results/toy/report/occlusion"
    assert all(path.endswith("/figures") for path in made[1:])


@pytest.mark.parametrize(
    ("edit", "parts"),
    [
        ("occluders: [{name: a, patch: 200, stride: 0}]", ["occluders.0.stride"]),
        ("occluders: [{name: a, patch: 300}]", ["occluders.0.patch"]),
        ("occluders: [{name: a, patch: -5}]", ["occluders.0.patch"]),
        ("occluders: [{name: a, fill: green}]", ["occluders.0.fill", "'green'"]),
        ("occluders: [{name: a, colour: black}]", ["'colour'"]),
        ("occluders: [{name: a}, {name: a, patch: 9}]", ["two occluders are named 'a'"]),
        ("occluders: [{name: a, sigma: 3}]", ["sigma", "fill is black"]),
        ("occluders: []", ["occluders"]),
        ("occlusion: {images: [nobody]}", ["occlusion.images", "'nobody'"]),
        ("occlusion: {method: quick}", ["occlusion.method", "'quick'"]),
    ],
)
def test_a_mistake_is_found_before_any_job(edit, parts):
    with pytest.raises(UserError) as raised:
        occlusion_of(edit)
    assert all(part in str(raised.value) for part in parts), str(raised.value)


def test_rows_of_a_sheet_are_chosen_like_others(tmp_path):
    plan = sheet_plan(tmp_path, urls(9), "methods: [occlusion]", "occlusion: {images: 2}")
    found = jobs(Settings(plan).occlusion)
    assert sum(len(settings["image_ids"]) for settings in found.values()) == 2

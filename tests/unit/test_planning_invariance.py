"""What the rules of invariance are asked to do, and which jobs an edit changes."""

import pytest

from convscope.errors import UserError
from convscope.planning.settings import Settings
from planning_toys import plan_of, sheet_plan, urls

RUN = """
experiment: toy
networks: [reference, eyes]
sample_sets: [scenes]
batch_size: 4
methods: [invariance]
invariance: {images: 5}
network_definitions:
  eyes: {architecture: alexnet, weights: random, classes: imagenet}
"""


def settings_of(*overlays):
    return Settings(plan_of(RUN, *overlays)).invariance


def jobs(invariance):
    """Return ``{rule: {wildcards: params}}`` of all jobs of the method."""
    found = {
        "tabulate_invariance": invariance.tabulate_invariance(),
        "plot_invariance": invariance.plot_invariance(),
        "build_invariance_pages": invariance.build_invariance_pages(),
        "tabulate_correspondence": invariance.correspondence.tabulate_correspondence(),
    }
    for path in invariance.files():
        network, batch = path.split("/")[3:5]
        found["measure_invariance", network, batch] = invariance.measure_invariance(network, batch)
    for path in invariance.correspondence.files():
        network = path.split("/")[3]
        settings = invariance.correspondence.measure_correspondence(network)
        found["measure_correspondence", network] = settings
    return found


def changed(*overlays):
    before, after = jobs(settings_of()), jobs(settings_of(*overlays))
    names = {key for key in after if before.get(key) != after[key]}
    return {key if isinstance(key, str) else key[0] for key in names}


@pytest.mark.parametrize(
    ("edit", "rules"),
    [
        ("invariance: {fill: edge}", {"measure_invariance"}),
        ("invariance: {transforms: {scale: {step: 0.1}}}", {"measure_invariance"}),
        ("invariance: {transforms: {scale: null}}", {"measure_invariance"}),
        ("correspondence: {fill: mean}", {"measure_correspondence"}),
        ("correspondence: {random_boxes: 12}", {"measure_correspondence"}),
        ("correspondence: {seed: 4}", {"measure_correspondence"}),
        ("correspondence: {images: 3}", {"measure_correspondence"}),
        (
            "correspondence: {images: 0}",
            {"tabulate_correspondence", "build_invariance_pages"},
        ),
        (
            "network_definitions: {eyes: {classes: scenes}}",
            {
                *("measure_invariance", "measure_correspondence"),
                *("tabulate_invariance", "plot_invariance"),
            },
        ),
    ],
)
def test_a_key_changes_the_params_of_its_rules_only(edit, rules):
    assert changed(edit) == rules


def test_panels_show_named_images():
    ids = jobs(settings_of())["measure_invariance", "eyes", batches(settings_of())[0]]["image_ids"]
    assert changed(f"invariance: {{panel_images: [{ids[0]}]}}") == {"plot_invariance"}


def batches(invariance):
    return [path.split("/")[4] for path in invariance.files()]


def test_layers_are_each_networks_own_or_named():
    found = jobs(settings_of("network_definitions: {eyes: {invariance_layers: [relu5, relu6]}}"))
    layers = {key[1]: s["layers"] for key, s in found.items() if key[0] == "measure_invariance"}
    names = {
        n: [(entry["common_name"], entry["role"]) for entry in of_n] for n, of_n in layers.items()
    }
    assert names["eyes"] == [("relu5", "bottom"), ("relu6", "top")]
    assert [role for _, role in names["reference"]] == ["bottom", "top"]
    compared = found["measure_correspondence", "eyes"]["layers"]
    assert [layer["common_name"] for layer in compared] == ["relu5", "relu7"]


def test_labels_are_indices_of_each_networks_classes():
    found = jobs(settings_of())
    for key, settings in found.items():
        if key[0] == "measure_invariance":
            assert len(settings["labels"]) == len(settings["image_ids"]) > 0
            known = key[1] == "reference"
            assert all((label is not None) == known for label in settings["labels"])


def test_another_label_measures_its_batch_again_and_another_spelling_does_not(tmp_path):
    def measured(label):
        rows = [*urls(1, "tabby"), ("other", "https://example.org/o.jpg", label)]
        found = Settings(sheet_plan(tmp_path, rows, {"methods": ["invariance"]})).invariance
        (batch,) = found.plan.batches
        return found.measure_invariance("eyes", batch)

    assert measured("ostrich")["labels"] == [281, 9]
    assert measured("ostrich") == measured("n01518878")
    assert measured("")["labels"] == [281, None]


def test_batches_without_a_chosen_image_have_no_job():
    everything = settings_of("invariance: {images: all}")
    assert len(settings_of().files()) < len(everything.files())
    assert len(everything.files()) == len(everything.plan.pairs())
    assert len(settings_of().files()) == len(settings_of().image_files())


def test_a_number_of_images_lies_in_as_few_batches_as_can_be():
    """The choice and the batches follow the same digests, so that images have a reference."""
    found = settings_of("{batch_size: 8, invariance: {images: 8}}")
    assert len(set(batches(found))) <= 3


def test_without_the_method_nothing_is_asked_for():
    found = settings_of("methods: []")
    assert (found.targets(), found.files(), found.correspondence.files()) == ([], [], [])
    made = [path.rsplit("/", 1)[1] for path in settings_of().targets()]
    assert made[0] == "invariance"
    assert {"invariance.csv", "summary.csv", "correspondence.csv"} < set(made)
    alone = settings_of("correspondence: {images: 0}").targets()
    assert not [path for path in alone if "correspondence" in path]


def panels(numbers, per_class=2):
    """Return a choice of scenes for a panel, of so many in each class."""
    return {
        "invariance": {
            "images": "all",
            "panel_images": [f"scenes-striped_disc_{number:03d}" for number in numbers],
        },
        "sample_set_definitions": {"scenes": {"per_class": per_class}},
    }


@pytest.mark.parametrize(
    ("edit", "parts"),
    [
        ("invariance: {layers: [relu9]}", ["config key invariance.layers", "'relu9'"]),
        (
            "network_definitions: {eyes: {invariance_layers: [relu9]}}",
            ["network_definitions.eyes.invariance_layers", "'relu9'", "relu5 (features.11)"],
        ),
        (
            "network_definitions: {eyes: {correspondence_layers: [relu9]}}",
            ["network_definitions.eyes.correspondence_layers", "'relu9'"],
        ),
        ("invariance: {layers: [relu1, features.1]}", ["invariance.layers"]),
        ("invariance: {images: [nobody]}", ["invariance.images", "'nobody'"]),
        ("invariance: {images: 0}", ["invariance.images"]),
        ("invariance: {fill: blank}", ["invariance.fill", "'blank'"]),
        (
            "invariance: {transforms: {rotatoin: {from: 0, to: 9, step: 1}}}",
            ["invariance.transforms", "rotatoin", "'rotation'"],
        ),
        (
            "invariance: {transforms: {scale: {from: 0}}}",
            ["invariance.transforms.scale.from", "0", "leaves no image"],
        ),
        (
            "invariance: {transforms: {rotation: {from: 90, to: 0}}}",
            ["invariance.transforms.rotation", "empty"],
        ),
        (
            "invariance: {transforms: {rotation: {step: 7}}}",
            ["invariance.transforms.rotation", "don't reach 360", "357"],
        ),
        ("invariance: {transforms: {rotation: {step: 0}}}", ["rotation.step", "above 0"]),
        (
            "invariance: {transforms: {rotation: null, scale: null, vertical_translation: null,"
            " horizontal_translation: null}}",
            ["invariance.transforms", "no transform"],
        ),
        ("invariance: {panel_images: [nobody]}", ["invariance.panel_images", "'nobody'"]),
        (panels(range(4)), ["invariance.panel_images", "scenes-striped_disc_002"]),
        (panels(range(8), 8), ["invariance.panel_images", "8 images of scenes", "at most 7"]),
        ("correspondence: {layers: [relu9]}", ["correspondence.layers", "'relu9'"]),
        ("correspondence: {images: 1}", ["only one of its set", "correspondence.images to 0"]),
        ("correspondence: {images: [nobody]}", ["correspondence.images", "'nobody'"]),
        ("correspondence: {fill: edge}", ["correspondence.fill", "'edge'"]),
        ("correspondence: {random_boxes: 9}", ["correspondence.random_boxes", "9"]),
    ],
)
def test_a_mistake_is_found_before_any_job(edit, parts):
    with pytest.raises(UserError) as raised:
        settings_of(edit)
    assert all(part in str(raised.value) for part in parts), str(raised.value)


def test_a_shift_out_of_view_is_allowed():
    found = settings_of(
        "invariance: {transforms: {vertical_translation: {from: -300, to: 300, step: 50}}}"
    )
    settings = found.measure_invariance("eyes", batches(found)[0])
    assert settings["transforms"][0]["amounts"][0] == -300

"""What the rules of maximisation and inversion are asked to do, and which jobs an edit changes."""

import pytest

from convscope.errors import UserError
from convscope.planning.settings import Settings
from convscope.synthesis.presets import LADDER, YOSINSKI
from planning_toys import plan_of

RUN = """
experiment: toy
networks: [reference, eyes, more_eyes]
sample_sets: [scenes]
batch_size: 4
methods: [maximisation, inversion]
network_definitions:
  eyes: {architecture: alexnet, weights: random}
  more_eyes: {architecture: squeezenet1_0, weights: random, maximised_classes: []}

"""
CLASSES = "maximisation: {classes: [flamingo, n01518878]}"


def settings_of(*overlays):
    return Settings(plan_of(RUN, CLASSES, *overlays))


def jobs(settings):
    """Return ``{rule: params, (rule, wildcards): params}`` of all jobs of both methods."""
    made, inverted = settings.maximisation, settings.inversion
    found = {
        "tabulate_maximisation": made.tabulate_maximisation(),
        "plot_networks": made.plot_networks(),
        "build_maximisation_pages": made.build_maximisation_pages(),
        "tabulate_inversion": inverted.tabulate_inversion(),
        "build_inversion_pages": inverted.build_inversion_pages(),
    }
    for network, index in made.jobs:
        key = (network.name, str(index))
        found["maximise_class", *key] = made.maximise_class(*key)
        found["plot_maximisation", *key] = made.plot_maximisation(network.name)
        if made.judges(*key):
            found["judge_transfer", *key] = made.judge_transfer(*key)
    for network, batch in inverted.pairs:
        key = (network.name, batch.name)
        found["invert_features", *key] = inverted.invert_features(*key)
        found["plot_inversion", *key] = inverted.plot_inversion(network.name)
    return found


def changed(*overlays):
    before, after = jobs(settings_of()), jobs(settings_of(*overlays))
    return {
        key[:2] if isinstance(key, tuple) else key for key in after if before.get(key) != after[key]
    }


NO_CLASS = """
maximisation: {classes: []}
network_definitions: {reference: {maximised_classes: []}}
"""
EVERY = {("maximise_class", "reference"), ("maximise_class", "eyes")}
TABLES = {"tabulate_maximisation", "plot_networks"}
INVERTED = {("invert_features", name) for name in ("reference", "eyes", "more_eyes")}


@pytest.mark.parametrize(
    ("edit", "rules"),
    [
        ("maximisation: {presets: [ladder_a]}", EVERY),
        ("maximisation: {seeds: [4, 5]}", EVERY),
        ("maximisation: {seeds: [0.0]}", set()),
        ("maximisation: {iterations: 200}", EVERY),
        ("maximisation: {snapshots: [7]}", EVERY),
        ("maximisation: {snapshots: [100, 0, 5, 20, 50]}", set()),
        ("maximisation: {threads: 3}", EVERY),
        ("maximisation: {checkpoint_seconds: 3}", set()),
        ("maximisation: {classes: [130, 9]}", set()),
        ("maximisation: {classes: [n02007558, Flamingo, ostrich]}", set()),
        ("network_definitions: {eyes: {rate_factor: 10}}", {("maximise_class", "eyes")}),
        (
            "network_definitions: {eyes: {maximised_classes: [flamingo, ostrich, snail]}}",
            {(r, "eyes") for r in ("maximise_class", "judge_transfer", "plot_maximisation")}
            | TABLES,
        ),
        (
            "network_definitions: {more_eyes: {seed: 5}}",
            {("judge_transfer", "eyes"), ("invert_features", "more_eyes")},
        ),
        (
            "network_definitions: {more_eyes: {inverted_layers: [conv1]}}",
            {("invert_features", "more_eyes")},
        ),
        ("preset_definitions: {mine: {like: ladder_c, blur_sigma: 2}}", set()),
        (
            "{preset_definitions: {mine: {like: ladder_c}}, maximisation: {presets: [mine]}}",
            EVERY,
        ),
        ("network_definitions: {more_eyes: {inverted_layers: []}}", {"tabulate_inversion"}),
        ("inversion: {layers: all}", INVERTED),
        ("inversion: {presets: [no_prior]}", INVERTED),
        ("inversion: {iterations: 30}", INVERTED),
        ("inversion: {seed: 30}", INVERTED),
        ("inversion: {memory: 3}", INVERTED),
        ("inversion: {checkpoint_seconds: 3}", set()),
    ],
)
def test_a_key_changes_the_params_of_its_rules_only(edit, rules):
    assert changed(edit) == rules


def test_classes_are_indices_with_names_of_each_networks_list():
    made = settings_of().maximisation
    assert [(n.name, index) for n, index in made.jobs] == [
        *(("reference", 0), ("reference", 3)),
        *(("eyes", 130), ("eyes", 9)),
    ]
    target = made.maximise_class("eyes", "130")["target"]
    assert target == {"index": 130, "name": "flamingo", "wnid": "n02007558"}
    assert made.maximise_class("reference", "3")["target"] == {
        "index": 3,
        "name": "ringed_star",
        "wnid": "",
    }


def test_presets_carry_the_published_values():
    settings = settings_of().maximisation.maximise_class("eyes", "9")
    assert set(settings["presets"]) == {*LADDER, *YOSINSKI}
    third = settings["presets"]["yosinski_3"]
    assert (third["rate"], third["decay"], third["blur_every"]) == (100, 0.0001, 4)
    assert third["iterations"] == 1000
    edit = "{network_definitions: {eyes: {rate_factor: 10}}, maximisation: {iterations: 300}}"
    presets = settings_of(edit).maximisation.maximise_class("eyes", "9")["presets"]
    assert presets["yosinski_3"]["rate"] == 1000
    assert presets["yosinski_1"]["gain"] == 20
    assert presets["ladder_c"]["rate"] == LADDER["ladder_c"]["rate"]
    assert {own["iterations"] for own in presets.values()} == {300}


def test_a_preset_of_ones_own_starts_from_a_published_one():
    edit = """
    preset_definitions: {mine: {like: ladder_e, blur_sigma: 2.5}, plain: {decay: 0.1}}
    maximisation: {presets: [mine, plain]}
    """
    presets = settings_of(edit).maximisation.maximise_class("eyes", "9")["presets"]
    assert (presets["mine"]["blur_sigma"], presets["mine"]["blur_every"]) == (2.5, 2)
    assert presets["plain"]["decay"] == 0.1
    assert presets["plain"]["rate_policy"] == "constant"


def test_judges_have_the_class_and_weights_of_their_own():
    made = settings_of(
        "networks: [reference, eyes, more_eyes, twin]",
        {"network_definitions": {"twin": {"architecture": "alexnet", "weights": "random"}}},
    ).maximisation
    # The twin has the weights of `eyes`; the reference network has no flamingo.
    assert made.judges("eyes", 130) == ["more_eyes"]
    assert made.judges("reference", 0) == []
    assert made.transfers_of("reference", 0) == []
    assert len(made.transfers()) == 4
    judge = made.judge_transfer("eyes", "9")["judges"][0]
    assert (judge["name"], judge["class_list"]) == ("more_eyes", "imagenet")


def test_networks_are_drawn_side_by_side_where_they_share_a_class():
    assert settings_of().maximisation.network_figures() == []
    edit = "network_definitions: {more_eyes: {maximised_classes: [130]}}"
    assert len(settings_of(edit).maximisation.network_figures()) == 1


def test_inversion_takes_chosen_layers_and_images():
    inverted = settings_of("inversion: {images: 2}").inversion
    network, batch = inverted.pairs[0]
    settings = inverted.invert_features(network.name, batch.name)
    assert "relu1_1" in settings["layers"].values()
    assert (
        sum(
            len(inverted.invert_features("eyes", b.name)["image_ids"])
            for n, b in inverted.pairs
            if n.name == "eyes"
        )
        == 2
    )
    assert set(settings["presets"]) == {"published_prior", "no_prior"}


def test_without_the_methods_nothing_is_asked_for():
    found = settings_of("methods: []")
    assert (found.maximisation.targets(), found.maximisation.files()) == ([], [])
    assert (found.inversion.targets(), found.inversion.files()) == ([], [])


@pytest.mark.parametrize(
    ("edit", "parts"),
    [
        (
            "maximisation: {classes: [flamenco]}",
            ["maximisation.classes, network eyes", "'flamenco'", "flamingo", "maximised_classes"],
        ),
        (
            "network_definitions: {eyes: {maximised_classes: [cardigan]}}",
            ["ambiguous", "264 (n02113186)", "474"],
        ),
        ("maximisation: {classes: [1000]}", ["'1000'"]),
        ("maximisation: {classes: [-1]}", ["'-1'"]),
        (
            "network_definitions: {reference: {maximised_classes: [flamingo]}}",
            ["network_definitions.reference.maximised_classes", "'flamingo'", "striped_disc"],
        ),
        (
            NO_CLASS,
            ["maximisation.classes", "no network has a class"],
        ),
        ("maximisation: {presets: [lader_a]}", ["maximisation.presets", "'lader_a'", "ladder_a"]),
        ("maximisation: {presets: []}", ["maximisation.presets"]),
        ("maximisation: {presets: [mahendran_vedaldi]}", ["maximisation.presets", "norm", "code"]),
        ("inversion: {presets: [yosinski_1]}", ["inversion.presets", "progress", "error"]),
        ("maximisation: {iterations: -5}", ["maximisation.iterations", "-5"]),
        ("maximisation: {iterations: 0}", ["maximisation.iterations"]),
        ("inversion: {iterations: 2.5}", ["inversion.iterations", "2.5"]),
        ("maximisation: {snapshots: [2000]}", ["maximisation.snapshots", "2000", "0 to 1000"]),
        ("{maximisation: {iterations: 40}}", ["maximisation.snapshots", "50", "0 to 40"]),
        ("maximisation: {snapshots: [-1]}", ["maximisation.snapshots"]),
        ("maximisation: {seeds: []}", ["maximisation.seeds"]),
        ("network_definitions: {eyes: {rate_factor: 0}}", ["eyes.rate_factor", "0"]),
        ("preset_definitions: {ladder_a: {decay: 0.1}}", ["preset_definitions.ladder_a", "like"]),
        (
            "preset_definitions: {mine: {like: leader_a}}",
            ["preset_definitions.mine.like", "ladder_a"],
        ),
        ("preset_definitions: {mine: {blur_sigm: 1}}", ["preset_definitions.mine", "blur_sigma"]),
        ("preset_definitions: {mine: {blur_sigma: 1}}", ["preset_definitions.mine", "both"]),
        ("preset_definitions: {mine: {rate: -1}}", ["preset_definitions.mine.rate", "-1"]),
        (
            "preset_definitions: {mine: {optimiser: adam, rate_policy: length}}",
            ["preset_definitions.mine", "adam with rate_policy length"],
        ),
        ("preset_definitions: {My preset: {}}", ["'My preset'", "small letters"]),
        ("inversion: {layers: [relu9_9]}", ["inversion.layers", "'relu9_9'"]),
        (
            "network_definitions: {eyes: {inverted_layers: [relu9]}}",
            ["network_definitions.eyes.inverted_layers", "'relu9'", "relu5 (features.11)"],
        ),
        ("inversion: {images: [nobody]}", ["inversion.images", "'nobody'"]),
        ("inversion: {memory: 0}", ["inversion.memory"]),
    ],
)
def test_a_mistake_is_found_before_any_job(edit, parts):
    with pytest.raises(UserError) as raised:
        settings_of(edit)
    assert all(part in str(raised.value) for part in parts), str(raised.value)

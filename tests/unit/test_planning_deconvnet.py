"""What the deconvnet's rules are asked to do, and which jobs an edit changes."""

import pytest

from convscope.errors import UserError
from convscope.planning.settings import Settings
from planning_toys import plan_of, sheet_plan, urls

RUN = """
experiment: toy
networks: [reference, eyes]
sample_sets: [scenes]
batch_size: 4
deconvnet: {images: 5}
network_definitions:
  eyes: {architecture: alexnet, weights: random, classes: imagenet}
"""


def settings_of(*overlays):
    return Settings(plan_of(RUN, *overlays)).deconvnet


def jobs(deconvnet):
    """Return ``{rule: {wildcards: params}}`` of all jobs of the deconvnet."""
    found = {"rank_batch": deconvnet.rank_batch(), "rank_units": deconvnet.rank_units()}
    found["build_projection_pages"] = deconvnet.build_projection_pages()
    for path in deconvnet.sheets():
        network, batch = path.split("/")[3:5]
        for rule in ("project_features", "measure_controls", "plot_projections"):
            found[rule, network, batch] = getattr(deconvnet, rule)(network, batch)
    for network in deconvnet.plan.networks:
        for rule in ("project_units", "plot_units"):
            found[rule, network] = getattr(deconvnet, rule)(network)
    for network in deconvnet.trained():
        for rule in ("project_evolution", "plot_evolution"):
            found[rule, network] = getattr(deconvnet, rule)(network)
    return found


def changed(*overlays):
    before, after = jobs(settings_of()), jobs(settings_of(*overlays))
    names = {key for key in after if before.get(key) != after[key]}
    return {key if isinstance(key, str) else key[0] for key in names}


LONG = {"project_units", "project_evolution"}
PROJECTIONS = {"project_features", *LONG}


@pytest.mark.parametrize(
    ("edit", "rules"),
    [
        ("layers: all", PROJECTIONS),
        ("layers: [relu1, relu2]", None),
        ("select: map", {"project_features"}),
        ("top: 5", {"project_features"}),
        ("unpooling: interpolate", PROJECTIONS),
        ("rule: guided", PROJECTIONS),
        ("storage: float32", {"measure_controls", *PROJECTIONS}),
        ("control_seeds: 11", {"measure_controls"}),
        ("mosaic_channels: 2", {"project_units"}),
        ("evolution_channels: 3", {"project_evolution"}),
        ("seed: 8", LONG),
    ],
)
def test_a_key_changes_the_params_of_its_rules_only(edit, rules):
    if rules is None:
        with pytest.raises(UserError, match="reference has no layer 'relu"):
            settings_of(f"deconvnet: {{{edit}}}")
        return
    assert changed(f"deconvnet: {{{edit}}}") == rules


def test_a_networks_own_layers_change_that_network_only():
    edit = "network_definitions: {eyes: {projected_layers: [relu5, fc8]}}"
    before, after = jobs(settings_of()), jobs(settings_of(edit))
    names = {key for key in after if before[key] != after[key]}
    assert {key[1] for key in names} == {"eyes"}
    assert after["project_units", "eyes"]["layers"] == ["features.11", "classifier.6"]


def test_a_number_of_images_is_that_of_each_set():
    found = jobs(settings_of())
    chosen = [i for key, s in found.items() if key[0] == "project_features" for i in s["image_ids"]]
    assert len(chosen) == 2 * 5
    assert set(changed("deconvnet: {images: 4}")) <= {"project_features"}


def test_batches_without_a_chosen_image_have_no_job():
    deconvnet = settings_of()
    everything = settings_of("deconvnet: {images: all}")
    assert len(deconvnet.sheets()) < len(everything.sheets())
    assert settings_of("deconvnet: {images: []}").sheets() == []


def test_projections_show_the_variants_that_each_image_has(tmp_path):
    rows = [(*row, "", "normal,rotate_180" if k else "normal") for k, row in enumerate(urls(2))]
    deconvnet = Settings(sheet_plan(tmp_path, rows, "deconvnet: {images: all}")).deconvnet
    (batch,) = deconvnet.plan.batches
    variants = deconvnet.project_features("eyes", batch)["variants"]
    images = {name: found["images"] for name, found in variants.items()}
    assert images == {"normal": ["image_0", "image_1"], "rotate_180": ["image_1"]}


def test_named_channels_stand_in_the_mosaics():
    edit = "network_definitions: {eyes: {mosaic_channels: {relu5: [7, 3]}}}"
    channels = settings_of(edit).project_units("eyes")["channels"]
    assert channels["features.11"] == [3, 7]
    assert channels["classifier.6"] == 4


def test_only_trained_networks_have_an_evolution():
    assert settings_of().trained() == ["reference"]


def test_without_the_method_nothing_is_asked_for():
    assert settings_of("methods: []").targets() == []
    made = [path.rsplit("/", 1)[1] for path in settings_of().targets()]
    assert made[0] == "projections"
    assert set(made) == {"projections", "sheets", "mosaics", "strips"}


@pytest.mark.parametrize(
    ("edit", "parts"),
    [
        ("deconvnet: {layers: [relu9]}", ["deconvnet.layers", "'relu9'"]),
        (
            "network_definitions: {eyes: {projected_layers: [relu9]}}",
            ["network_definitions.eyes.projected_layers", "'relu9'", "relu5 (features.11)"],
        ),
        (
            "deconvnet: {top: 17}",
            ["deconvnet.top", "17 channels", "features.1 of reference has 16"],
        ),
        ("deconvnet: {images: [nobody]}", ["deconvnet.images", "'nobody'"]),
        (
            "network_definitions: {eyes: {mosaic_channels: {relu5: [256]}}}",
            ["eyes.mosaic_channels", "relu5 has no channel 256", "0 to 255"],
        ),
        (
            "network_definitions: {eyes: {mosaic_channels: {conv5: [1]}}}",
            ["eyes.mosaic_channels", "conv5", "projected_layers"],
        ),
    ],
)
def test_a_mistake_is_found_before_any_job(edit, parts):
    with pytest.raises(UserError) as raised:
        settings_of(edit)
    assert all(part in str(raised.value) for part in parts), str(raised.value)


def test_a_class_layer_with_few_classes_takes_them_all():
    assert settings_of("deconvnet: {top: 9}").project_features  # The reference has 8 classes.

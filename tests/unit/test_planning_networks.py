"""Entries of network_definitions: what they become, and what is refused before any work."""

import pytest

from convscope.errors import UserError
from convscope.networks.architectures import architecture_names, load_architecture
from planning_toys import ROOT, plan_of

TABLE = ROOT / "workflow/architectures"
PREPROCESSING = {"resize": 256, "crop": 224, "interpolation": "bicubic", "mean": [0, 0.5, 1]}
PREPROCESSING["std"] = [0.25, 0.5, 1.0]


def plan_network(overlay, **entry):
    """Return the network ``eyes`` of a run on Mini-ImageNet."""
    entry = {"architecture": "vgg16", "weights": "random", **entry}
    run = {"networks": ["eyes"], "sample_sets": ["mini_imagenet"]}
    return plan_of(run, {"network_definitions": {"eyes": entry}}, overlay).networks["eyes"]


def refusal(overlay=None, **entry):
    with pytest.raises(UserError) as found:
        plan_network(overlay or {}, **entry)
    assert str(found.value).startswith("config key network_definitions.eyes")
    return str(found.value)


def test_published_weights():
    network = plan_network({}, weights="IMAGENET1K_V1")
    assert network.weights.kind == "published"
    assert network.weights.place == "https://download.pytorch.org/models/vgg16-397923af.pth"
    assert network.weights.sha256.startswith("397923af")
    assert len(network.classes) == 1000
    assert network.geometry == {"resize": 256, "crop": 224, "interpolation": "bilinear"}
    assert not network.notes


def test_default_weights_are_torchvisions_choice():
    by_name = plan_network({}, architecture="resnet50", weights="IMAGENET1K_V2")
    assert plan_network({}, architecture="resnet50", weights="DEFAULT") == by_name
    assert by_name.geometry["resize"] == 232


def test_weights_of_a_mirror():
    mirror = {"base_urls": {"weights": "http://localhost:8000/w"}}
    network = plan_network(mirror, weights="IMAGENET1K_V1")
    assert network.weights.place == "http://localhost:8000/w/vgg16-397923af.pth"


def test_a_checksum_of_the_user_counts():
    assert plan_network({}, weights="IMAGENET1K_V1", sha256="1" * 64).weights.sha256 == "1" * 64


def test_a_file_without_a_transform_is_said(tmp_path):
    (tmp_path / "own.pth").write_bytes(b"weights")
    network = plan_network({}, weights=str(tmp_path / "own.pth"))
    assert (network.weights.kind, network.weights.title) == ("file", "own.pth")
    assert network.geometry["resize"] == 256
    assert "ImageNet" in network.notes[0]
    explicit = plan_network({}, weights=str(tmp_path / "own.pth"), preprocessing=PREPROCESSING)
    assert (explicit.preprocessing, explicit.notes) == (PREPROCESSING, ())


def test_paths_in_the_repository_and_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.safetensors").write_bytes(b"weights")
    (tmp_path / "own.tsv").write_text("index\tname\twnid\n0\tcat\t\n1\tdog\t\n", encoding="utf-8")
    network = plan_network({}, weights="own.safetensors", classes="own.tsv")
    assert (network.weights.place, network.classes.names) == ("own.safetensors", ("cat", "dog"))
    assert network.architecture.layers[-1].shape == (2,)
    place = "{repository}/scripts/convscope/classes/imagenet.tsv"
    assert len(plan_network({}, classes=place).classes) == 1000
    assert "is missing" in refusal(weights="{repository}/none.pth")


def test_layers_by_both_names():
    network = plan_network({}, stored_layers=["relu5_3", "features.29", "fc8"])
    assert network.stored_layers == ("classifier.6", "features.29")


def test_the_reference_network():
    overlay = {"training": {"widths": [4, 8], "seed": 3}, "sample_sets": ["scenes"]}
    two = ["bricked_heart", "striped_disc"]
    network = plan_network(
        overlay,
        architecture="reference",
        weights="trained",
        training={"seed": 5, "classes": two},
        stored_layers=["relu2_2"],
    )
    assert network.weights.training["seed"] == 5
    assert network.weights.training["widths"] == [4, 8]
    assert network.classes.names == ("striped_disc", "bricked_heart")
    assert network.geometry["resize"] == 224
    assert network.reference["widths"] == [4, 8]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"architecture": "vgg61"}, ["eyes.architecture", "'vgg61'", "vgg16"]),
        ({"architecture": "../vgg16"}, ["eyes.architecture", "'../vgg16'"]),
        ({"architecture": "densenet121"}, ["eyes.architecture", "functional ReLU", "forward"]),
        ({"architecture": "inception_v3"}, ["eyes.architecture", "Conv2d_1a_3x3"]),
        ({"weights": "IMAGENET1K_V3"}, ["eyes.weights", "'IMAGENET1K_V1'", ".pth"]),
        ({"weights": "imagenet1k_v1"}, ["eyes.weights", "unknown weights"]),
        ({"weights": "rndom"}, ["eyes.weights", "'random'"]),
        ({"weights": "trained"}, ["'trained'", "'vgg16'", "'reference'"]),
        (
            {"weights": "IMAGENET1K_FEATURES"},
            ["without a classifier", "IMAGENET1K_V1"],
        ),
        ({"weights": "none.pth"}, ["none.pth is missing", "working directory"]),
        ({"weights": "IMAGENET1K_V1", "classes": "scenes"}, ["eyes.classes", "1000", "8"]),
        ({"architecture": "reference", "weights": "DEFAULT"}, ["eyes.weights", "'DEFAULT'"]),
        (
            {"stored_layers": ["relu5_4"]},
            ["stored_layers", "'relu5_4'", "relu5_3 (features.29)"],
        ),
        ({"stored_layers": [""]}, ["eyes.stored_layers", "no layer ''"]),
        ({"classes": "imagnet"}, ["eyes.classes", "'imagnet'", "'imagenet'"]),
        ({"classes": "none.tsv"}, ["eyes.classes", "'none.tsv'", "index, name, wnid"]),
        ({"sample_sets": ["mini_imagnet"]}, ["eyes.sample_sets", "'mini_imagenet'"]),
        ({"sample_sets": ["scenes"]}, ["eyes.sample_sets", "none of the run's", "mini_imagenet"]),
        ({"sample_sets": []}, ["eyes.sample_sets", "none of the run's"]),
        ({"preprocessing": {**PREPROCESSING, "crop": 299}}, ["299 pixels", "224"]),
        ({"preprocessing": {**PREPROCESSING, "resize": 200}}, ["resize 200", "224"]),
        ({"training": {"seed": 1}}, ["eyes.training", "'vgg16' is not trained"]),
    ],
)
def test_refusals(entry, words):
    text = refusal(**entry)
    for word in words:
        assert word in text


def test_another_class_of_scenes_is_refused():
    text = refusal(
        {"sample_sets": ["scenes"]},
        architecture="reference",
        weights="trained",
        training={"classes": ["striped_disk", "ringed_star"]},
    )
    assert "'striped_disk'" in text
    assert "'striped_disc'" in text


def test_every_published_classifier_can_be_planned_or_says_why():
    planned = 0
    for name in architecture_names(TABLE):
        architecture = load_architecture(TABLE, name)
        for weights, facts in architecture.weights.items():
            if architecture.accepted and facts["classes"] and facts["crop"] == 224:
                network = plan_network({}, architecture=name, weights=weights)
                assert network.weights.place.endswith(facts["file"])
                planned += 1
    assert planned > 20


def test_a_table_class_list_that_is_wrong_is_named(tmp_path):
    (tmp_path / "own.tsv").write_text("index\tname\n1\tcat\n", encoding="utf-8")
    text = refusal(classes=str(tmp_path / "own.tsv"))
    assert "eyes.classes" in text
    assert "own.tsv" in text
    assert "row 2 should have index 0" in text

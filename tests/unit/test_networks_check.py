"""The check of a network with its weights: what it writes and what it refuses."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from convscope.digests import file_sha256
from convscope.errors import UserError
from convscope.networks.architectures import load_architecture
from convscope.networks.check import check_network, read_summary
from convscope.networks.weights import make_random_weights

TABLE = Path(__file__).resolve().parents[2] / "workflow" / "architectures"
PREPROCESSING = {
    "resize": 256,
    "crop": 224,
    "interpolation": "bilinear",
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "resnet18.safetensors"
    make_random_weights("resnet18", 0, 3, path)
    return path


def layers_of(name="resnet18", classes=3):
    architecture = load_architecture(TABLE, name).with_classes(classes)
    return [layer.settings for layer in architecture.layers]


def check(weights, output, layers, architecture="resnet18", classes=3):
    check_network(
        weights,
        output,
        architecture=architecture,
        classes=classes,
        preprocessing=PREPROCESSING,
        layers=layers,
        notes=["planned"],
    )


def changed(path, tmp_path, key, function):
    state = load_file(path)
    state[key] = function(state[key])
    save_file(state, tmp_path / "changed.safetensors")
    return tmp_path / "changed.safetensors"


def test_the_summary_says_what_the_network_is(random_weights, tmp_path):
    check(random_weights, tmp_path / "a.json", layers_of())
    check(random_weights, tmp_path / "b.json", layers_of())
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    parameters = sum(
        value.numel()
        for key, value in load_file(random_weights).items()
        if "running" not in key and "num_batches" not in key
    )
    assert read_summary(tmp_path / "a.json") == {
        "architecture": "resnet18",
        "classes": 3,
        "layers": len(layers_of()),
        "layer_table": layers_of(),
        "notes": ["planned"],
        "parameters": parameters,
        "preprocessing": PREPROCESSING,
        "weights_sha256": file_sha256(random_weights),
    }


def test_a_layer_of_another_shape_is_named(random_weights, tmp_path):
    layers = layers_of()
    layers[3]["shape"][1] += 1
    with pytest.raises(UserError, match=r"layer maxpool has shape \(64, 56, 56\), .*57"):
        check(random_weights, tmp_path / "out.json", layers)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("added", [True, False])
def test_a_missing_or_extra_layer_is_named(random_weights, tmp_path, added):
    layers = layers_of()
    if added:
        layers.insert(2, {"name": "ghost", "shape": [1, 2, 2]})
    else:
        del layers[2]
    with pytest.raises(UserError, match="ghost" if added else "layer relu has shape"):
        check(random_weights, tmp_path / "out.json", layers)


def test_the_first_layer_that_is_not_finite_is_named(random_weights, tmp_path):
    weights = changed(random_weights, tmp_path, "layer1.0.bn2.running_var", lambda t: -t)
    with pytest.raises(UserError, match=r"layer layer1\.0\.bn2 is not finite"):
        check(weights, tmp_path / "out.json", layers_of())
    assert not (tmp_path / "out.json").exists()


def test_a_network_that_ignores_its_image_is_noted(random_weights, tmp_path, caplog):
    state = {key: torch.zeros_like(value) for key, value in load_file(random_weights).items()}
    save_file(state, tmp_path / "zero.safetensors")
    check(tmp_path / "zero.safetensors", tmp_path / "out.json", layers_of())
    note = "all logits are equal for a noise image"
    assert json.loads((tmp_path / "out.json").read_text())["notes"] == ["planned", note]
    assert note in caplog.text


def test_a_refused_architecture_is_refused_before_it_runs(tmp_path):
    make_random_weights("mobilenet_v3_small", 0, 3, tmp_path / "w.safetensors")
    with pytest.raises(UserError, match=r"cannot treat this network: features\.0\.2.*Hardswish"):
        check(tmp_path / "w.safetensors", tmp_path / "out.json", [], "mobilenet_v3_small")


@pytest.mark.parametrize("name", ["squeezenet1_0", "mnasnet0_5", "regnet_x_400mf"])
def test_other_architectures_with_random_weights_pass(name, tmp_path):
    make_random_weights(name, 1, 5, tmp_path / "w.safetensors")
    check(tmp_path / "w.safetensors", tmp_path / "out.json", layers_of(name, 5), name, 5)
    assert json.loads((tmp_path / "out.json").read_text())["notes"] == ["planned"]

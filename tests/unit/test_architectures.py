"""The table of architectures against the installed torchvision, and how it is read."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from convscope.errors import UserError
from convscope.networks import table
from convscope.networks.architectures import (
    accepted_architecture,
    architecture_names,
    load_architecture,
    resolve_layer,
    resolve_weights,
)

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "workflow" / "architectures"
ALL_NAMES = architecture_names(TABLE)
VGGS = [f"vgg{depth}{bn}" for depth in (11, 13, 16, 19) for bn in ("", "_bn")]


@pytest.mark.parametrize(
    "name",
    [
        "alexnet",
        "vgg16",
        "vgg11_bn",
        "squeezenet1_0",
        "resnet18",
        "regnet_x_400mf",
        "mnasnet0_5",
        "googlenet",
        "mobilenet_v2",
        "vit_b_16",
    ],
)
def test_the_committed_table_is_that_of_the_installed_torchvision(name):
    assert (TABLE / f"{name}.json").read_text(encoding="utf-8") == table.entry_text(name)


def test_the_table_has_all_of_torchvisions_classifiers():
    assert sorted(table.torchvision_names()) == ALL_NAMES


@pytest.mark.parametrize("name", ALL_NAMES)
def test_every_entry_is_small_and_consistent(name):
    assert (TABLE / f"{name}.json").stat().st_size < 100_000
    architecture = load_architecture(TABLE, name)
    assert architecture.name == name
    assert architecture.accepted == (not architecture.refusals) == bool(architecture.layers)
    names = [layer.name for layer in architecture.layers]
    commons = [layer.common_name for layer in architecture.layers]
    assert len(set(names)) == len(names)
    assert len(set(commons)) == len(commons)
    for layer in architecture.layers:
        assert len(layer.shape) in (1, 3)
        for other in architecture.layers:
            # A name means one layer, in whichever form it is given.
            assert other is layer or other.name != layer.common_name
    for entry in architecture.weights.values():
        if entry["sha256"]:
            assert len(entry["sha256"]) == 64
            assert entry["sha256"].startswith(entry["sha256_prefix"])
            assert entry["file"].endswith(f"-{entry['sha256_prefix']}.pth")


@pytest.mark.parametrize("name", ["alexnet", "squeezenet1_0", *VGGS])
def test_required_architectures_are_accepted(name):
    assert accepted_architecture(TABLE, name).accepted


@pytest.mark.parametrize(
    ("name", "module", "common", "kind", "shape"),
    [
        ("vgg16", "features.0", "conv1_1", "conv", (64, 224, 224)),
        ("vgg16", "features.28", "conv5_3", "conv", (512, 14, 14)),
        ("vgg16", "features.29", "relu5_3", "relu", (512, 14, 14)),
        ("vgg16", "features.30", "pool5", "maxpool", (512, 7, 7)),
        ("vgg16", "avgpool", "avgpool", "avgpool", (512, 7, 7)),
        ("vgg16", "classifier.0", "fc6", "linear", (4096,)),
        ("vgg16", "classifier.4", "relu7", "relu", (4096,)),
        ("vgg19", "classifier.6", "fc8", "linear", (1000,)),
        ("vgg19", "features.35", "relu5_4", "relu", (512, 14, 14)),
        ("vgg11_bn", "features.1", "bn1_1", "batchnorm", (64, 224, 224)),
        ("vgg11_bn", "features.2", "relu1_1", "relu", (64, 224, 224)),
        ("alexnet", "features.0", "conv1", "conv", (64, 55, 55)),
        ("alexnet", "features.11", "relu5", "relu", (256, 13, 13)),
        ("alexnet", "features.12", "pool5", "maxpool", (256, 6, 6)),
        ("alexnet", "classifier.5", "relu7", "relu", (4096,)),
        ("squeezenet1_0", "features.0", "conv1", "conv", (96, 109, 109)),
        ("squeezenet1_0", "features.3", "fire2", "concat", (128, 54, 54)),
        ("squeezenet1_0", "features.3.squeeze", "fire2/squeeze1x1", "conv", (16, 54, 54)),
        ("squeezenet1_0", "features.12", "fire9", "concat", (512, 13, 13)),
        ("squeezenet1_0", "classifier.1", "conv10", "conv", (1000, 13, 13)),
        ("squeezenet1_0", "classifier.2", "relu10", "relu", (1000, 13, 13)),
        ("resnet18", "layer1.0.relu.call2", "layer1.0.relu.call2", "relu", (64, 56, 56)),
    ],
)
def test_layers_have_their_papers_names(name, module, common, kind, shape):
    architecture = load_architecture(TABLE, name)
    layer = resolve_layer(architecture, module)
    assert layer == resolve_layer(architecture, common)
    assert (layer.common_name, layer.kind, layer.shape) == (common, kind, shape)
    size = shape if len(shape) == 3 else (*shape, 1, 1)
    assert (layer.channels, layer.height, layer.width) == size
    assert layer.settings["shape"] == list(shape)


def test_an_unknown_layer_is_refused_with_both_forms_of_the_nearest():
    architecture = load_architecture(TABLE, "vgg16")
    with pytest.raises(UserError, match=r"vgg16 has no layer 'relu5_4'.*relu5_3 \(features\.29\)"):
        resolve_layer(architecture, "relu5_4")
    with pytest.raises(UserError, match=r"\(features\.30\)"):
        resolve_layer(architecture, "features.31")


@pytest.mark.parametrize("name", ["vgg61", "VGG16", "../vgg16", "", "vgg16 "])
def test_an_unknown_architecture_is_refused(name):
    with pytest.raises(UserError, match=r"has no architecture .*vgg16"):
        load_architecture(TABLE, name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("googlenet", r"conv1, conv2, conv3 and 54 more: functional ReLU"),
        ("densenet121", r"functional ReLU"),
        ("mobilenet_v2", r"features\.0\.2, .*: unknown activation ReLU6"),
        ("efficientnet_b0", r"features\.0\.2.*unknown activation SiLU"),
        ("vit_b_16", r"and \d+ more reasons"),
    ],
)
def test_a_refused_architecture_names_layer_and_reason(name, message):
    with pytest.raises(UserError, match=message):
        accepted_architecture(TABLE, name)


def test_the_number_of_classes_changes_the_layers_that_count_them():
    squeezenet = load_architecture(TABLE, "squeezenet1_0").with_classes(8)
    changed = [layer.common_name for layer in squeezenet.layers if layer.shape[0] == 8]
    assert changed == ["conv10", "relu10", "pool10"]
    assert resolve_layer(squeezenet, "conv10").shape == (8, 13, 13)
    assert squeezenet.classes == 8
    vgg = load_architecture(TABLE, "vgg16").with_classes(8)
    assert resolve_layer(vgg, "fc8").shape == (8,)
    assert resolve_layer(vgg, "fc7").shape == (4096,)


def test_weights_are_found_by_enum():
    vgg = load_architecture(TABLE, "vgg16")
    name, entry = resolve_weights(vgg, "DEFAULT")
    assert name == "IMAGENET1K_V1"
    assert entry["file"] == "vgg16-397923af.pth"
    assert (entry["bytes"], entry["classes"]) == (553433881, 1000)
    assert (entry["resize"], entry["crop"], entry["interpolation"]) == (256, 224, "bilinear")
    assert resolve_weights(vgg, "IMAGENET1K_FEATURES")[1]["classes"] is None
    with pytest.raises(UserError, match=r"no weights 'IMAGENET1K_V9' for vgg16.*IMAGENET1K_V1"):
        resolve_weights(vgg, "IMAGENET1K_V9")


def test_the_table_is_read_without_torch():
    code = (
        "import sys; sys.modules['torch'] = sys.modules['torchvision'] = None\n"
        "from convscope.networks.architectures import load_architecture\n"
        f"print(len(load_architecture({str(TABLE)!r}, 'vgg16').layers))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "scripts", capture_output=True, text=True
    )
    assert run.stdout.strip() == "37", run.stderr


def test_writing_mends_just_what_differs(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "torchvision_names", lambda: ["alexnet", "googlenet"])
    assert table.write_table(tmp_path) == ["alexnet.json", "googlenet.json"]
    assert table.compare_table(tmp_path) == []
    entry = json.loads((tmp_path / "alexnet.json").read_text())
    entry["layers"][0]["shape"] = [64, 54, 54]
    (tmp_path / "alexnet.json").write_text(json.dumps(entry))
    (tmp_path / "gone.json").write_text("{}")
    assert table.compare_table(tmp_path) == ["alexnet.json", "gone.json"]
    assert table.write_table(tmp_path) == ["alexnet.json", "gone.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alexnet.json", "googlenet.json"]
    assert table.compare_table(tmp_path) == []

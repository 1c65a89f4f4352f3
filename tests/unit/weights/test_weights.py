"""Weights files: what is accepted, converted, refused, and that the bytes are always the same."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from convscope.digests import file_sha256
from convscope.networks import weights
from convscope.networks.build import build_network, construct
from convscope.networks.weights import convert_weights, make_random_weights
from toy_weights import CLASSES, convert, save

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


def test_a_converted_network_computes_what_the_original_does(network, state, tmp_path, output):
    source = save(state, tmp_path)
    convert(source, output, sha256=file_sha256(source).upper())
    built = build_network("squeezenet1_1", output, classes=CLASSES, device="cpu")
    x = torch.randn(2, 3, 64, 64)
    assert torch.equal(built(x), network(x))
    assert not built.training
    assert not any(parameter.requires_grad for parameter in built.parameters())
    assert load_file(output).keys() == state.keys()


def test_every_form_of_the_same_weights_gives_the_same_bytes(state, tmp_path):
    forms = {
        "zip": save(state, tmp_path, "zip.pth"),
        "legacy": save(state, tmp_path, "legacy.pth", _use_new_zipfile_serialization=False),
        "wrapped": save({"state_dict": state, "epoch": 3}, tmp_path, "wrapped.pth"),
        "model": save({"model": state}, tmp_path, "model.pth"),
        "parallel": save({f"module.{k}": v for k, v in state.items()}, tmp_path, "parallel.pth"),
        "shuffled": save(dict(reversed(state.items())), tmp_path, "shuffled.pth"),
        "double": save({k: v.double() for k, v in state.items()}, tmp_path, "double.pth"),
        "strided": save(
            {k: v.mT.contiguous().mT if v.dim() > 1 else v for k, v in state.items()},
            tmp_path,
            "strided.pth",
        ),
        "safetensors": tmp_path / "other_name.bin",
    }
    save_file(state, forms["safetensors"], metadata={"format": "pt", "a": "b", "c": "d"})
    digests = {}
    for name, source in forms.items():
        convert(source, tmp_path / f"{name}.safetensors")
        digests[name] = file_sha256(tmp_path / f"{name}.safetensors")
    assert len(set(digests.values())) == 1, digests


def test_wrappers_and_prefixes_are_logged(state, tmp_path, output, caplog):
    caplog.set_level("INFO")
    parallel = {f"module.{key}": value for key, value in state.items()}
    convert(save({"state_dict": parallel}, tmp_path), output)
    assert "lie under 'state_dict'" in caplog.text
    assert "prefix 'module.'" in caplog.text


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floats_become_float32_and_that_is_logged(state, tmp_path, output, dtype, caplog):
    caplog.set_level("INFO")
    source = save({key: value.to(dtype) for key, value in state.items()}, tmp_path)
    convert(source, output)
    assert f"{len(state)} tensors converted from {str(dtype)[6:]} to float32" in caplog.text
    for key, value in load_file(output).items():
        assert torch.equal(value, state[key].to(dtype).float())


def test_counts_that_old_files_lack_are_added(tmp_path, output, caplog):
    caplog.set_level("INFO")
    full = construct("resnet18", classes=2).state_dict()
    old = {key: value for key, value in full.items() if not key.endswith("num_batches_tracked")}
    convert_weights(save(old, tmp_path), "resnet18", 2, output)
    assert "an old file without num_batches_tracked" in caplog.text
    assert load_file(output).keys() == full.keys()
    build_network("resnet18", output, classes=2, device="cpu")


@pytest.mark.parametrize("architecture", ["squeezenet1_1", "resnet18"])
def test_random_weights_are_torchvisions_own_initialisation(architecture, tmp_path):
    path = tmp_path / "random.safetensors"
    before = torch.random.get_rng_state()
    make_random_weights(architecture, 5, CLASSES, path)
    assert torch.equal(torch.random.get_rng_state(), before)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        expected = torchvision.models.get_model(architecture, weights=None, num_classes=CLASSES)
    found = load_file(path)
    assert found.keys() == expected.state_dict().keys()
    for key, value in expected.state_dict().items():
        assert torch.equal(found[key], value)


def test_random_weights_depend_on_the_seed_only(tmp_path):
    make_random_weights("squeezenet1_1", 1, 4, tmp_path / "here")
    make_random_weights("squeezenet1_1", 2, 4, tmp_path / "other_seed")
    # Another process hashes strings differently, which must not show.
    code = (
        "import sys; from convscope.networks.weights import make_random_weights as make\n"
        "make('squeezenet1_1', 1, 4, sys.argv[1])"
    )
    run = [sys.executable, "-c", code, str(tmp_path / "there")]
    subprocess.run(run, cwd=SCRIPTS, check=True)
    assert file_sha256(tmp_path / "here") == file_sha256(tmp_path / "there")
    assert file_sha256(tmp_path / "here") != file_sha256(tmp_path / "other_seed")
    with safe_open(tmp_path / "here", "pt") as file:
        assert file.metadata() == {"network": '{"architecture": "squeezenet1_1", "classes": 4}'}


def test_tied_tensors_are_written_twice(tmp_path):
    layer = nn.Linear(2, 2)
    tied = {"a": layer.weight, "b": layer.weight}
    weights._write(tied, "toy", 2, tmp_path / "tied.safetensors")
    found = load_file(tmp_path / "tied.safetensors")
    assert torch.equal(found["a"], layer.weight)
    assert torch.equal(found["b"], layer.weight)

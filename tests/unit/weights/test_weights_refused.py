"""Weights files that are refused: by one message, with no code run and nothing half-written."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from convscope.digests import file_sha256
from convscope.errors import UserError
from convscope.networks import weights
from convscope.networks.build import build_network
from convscope.networks.weights import convert_weights
from toy_weights import CLASSES, convert, save

FIRST = "features.0.weight"


def nothing_written(output):
    return not output.parent.exists() or not list(output.parent.iterdir())


class Trap:
    """An object whose unpickling would write a file."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return (Path.write_text, (self.place, "code was run"))


def write_trap(form, path, place):
    trap = {"features.0.weight": Trap(place)}
    if form == "pickle":
        path.write_bytes(pickle.dumps(trap))
    else:
        torch.save(trap, path, _use_new_zipfile_serialization=form == "zip")


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle"])
def test_a_pickle_with_code_is_refused_and_not_run(form, tmp_path, output):
    place = tmp_path / "marker"
    write_trap(form, tmp_path / "trap.pth", place)
    message = r"trap\.pth: it is a pickle that can hold code.* refused and its code was not run"
    with pytest.raises(UserError, match=message):
        convert(tmp_path / "trap.pth", output)
    assert not place.exists()
    assert nothing_written(output)


def test_a_whole_pickled_module_is_refused(network, tmp_path, output):
    with pytest.raises(UserError, match=r"torchvision\.models\.squeezenet.*state_dict"):
        convert(save(network, tmp_path), output)
    assert nothing_written(output)


@pytest.mark.parametrize("kind", ["html", "empty", "text", "cut zip", "cut safetensors", "npz"])
def test_what_is_no_weights_file_is_refused(kind, state, tmp_path, output):
    source = tmp_path / "source.pth"
    if kind == "cut zip":
        save(state, tmp_path)
        source.write_bytes(source.read_bytes()[:-5000])
    elif kind == "cut safetensors":
        save_file(state, source)
        source.write_bytes(source.read_bytes()[:-5000])
    elif kind == "npz":
        with source.open("wb") as stream:
            np.savez(stream, a=np.zeros(3))
    else:
        source.write_bytes({"html": b"<html>404", "empty": b"", "text": b"some text\n" * 9}[kind])
    with pytest.raises(UserError, match=r"source\.pth: not a whole weights file"):
        convert(source, output)
    assert nothing_written(output)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "it holds a list"),
        (torch.zeros(3), "it holds a Tensor"),
        ({"a": 3}, "'a' holds a int, not a tensor"),
        ({3: torch.zeros(1)}, "3 holds a Tensor"),
    ],
)
def test_other_contents_are_refused(content, message, tmp_path, output):
    with pytest.raises(UserError, match=message):
        convert(save(content, tmp_path), output)


def without(*keys):
    return lambda state: {key: value for key, value in state.items() if key not in keys}


def replaced(key, function):
    return lambda state: {**state, key: function(state[key])}


def set_one(value):
    def change(tensor):
        tensor.view(-1)[-1] = value
        return tensor

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without(FIRST), r"1 missing key \(features\.0\.weight\)"),
        (lambda state: {**state, "x": torch.zeros(1)}, r"1 extra key \(x\)"),
        (
            lambda state: {f"net.{key}": value for key, value in state.items()},
            r"52 missing keys \(features\.0\.weight, .* and 47 more\); "
            r"52 extra keys \(net\.features\.0\.weight, .* and 47 more\)",
        ),
        (
            replaced(FIRST, lambda tensor: tensor[:, :1]),
            r"features\.0\.weight has shape \[64, 1, 3, 3\], expected \[64, 3, 3, 3\]",
        ),
        (replaced(FIRST, set_one(float("nan"))), r"features\.0\.weight holds NaN or infinity"),
        (replaced(FIRST, set_one(float("-inf"))), r"features\.0\.weight holds NaN or infinity"),
        (
            replaced(FIRST, lambda tensor: set_one(1e300)(tensor.double())),
            r"features\.0\.weight holds NaN or infinity as float32",
        ),
        (replaced(FIRST, torch.Tensor.int), r"features\.0\.weight holds int32 .*expected float32"),
        (replaced(FIRST, lambda t: t.to(torch.complex64)), r"features\.0\.weight holds complex64"),
        (
            replaced(FIRST, torch.Tensor.to_sparse),
            r"features\.0\.weight holds float32 \(sparse_coo\)",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_key(change, message, state, tmp_path, output):
    with pytest.raises(UserError, match=message) as caught:
        convert(save(change(state), tmp_path), output)
    assert caught.value.where.endswith("source.pth")
    assert nothing_written(output)


def test_another_number_of_classes_is_refused_by_shape(state, tmp_path, output):
    with pytest.raises(UserError, match=r"classifier\.1\.weight has shape \[4, .*expected \[7, "):
        convert_weights(save(state, tmp_path), "squeezenet1_1", 7, output)


def test_a_wrong_sha256_names_both_digests(state, tmp_path, output):
    source = save(state, tmp_path)
    with pytest.raises(UserError, match=f"SHA-256 is {file_sha256(source)}, expected {'0' * 64}"):
        convert(source, output, sha256="0" * 64)
    assert nothing_written(output)


@pytest.mark.parametrize("sha256", [None, "0" * 64])
def test_a_missing_file_is_named(tmp_path, output, sha256):
    with pytest.raises(UserError, match=r"absent\.pth: the weights file is missing"):
        convert(tmp_path / "absent.pth", output, sha256=sha256)


def test_a_failed_write_leaves_the_old_file(state, tmp_path, output, monkeypatch):
    source = save(state, tmp_path)
    convert(source, output)
    before = file_sha256(output)

    def fail(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights, "save_file", fail)
    with pytest.raises(OSError, match="No space left"):
        convert(source, output)
    assert file_sha256(output) == before
    assert [path.name for path in output.parent.iterdir()] == [output.name]


@pytest.mark.parametrize(
    ("architecture", "damage", "message"),
    [
        ("squeezenet1_0", None, "the weights are not those of squeezenet1_0 with 4 classes"),
        ("squeezenet1_1", "cut", "not a whole safetensors file"),
        ("squeezenet1_1", "remove", "the weights are missing"),
        ("squeezenet11", None, "has no architecture 'squeezenet11'.*squeezenet1_1"),
    ],
)
def test_a_network_is_not_built_from_a_wrong_file(
    architecture, damage, message, state, output, tmp_path
):
    convert(save(state, tmp_path), output)
    if damage == "cut":
        output.write_bytes(output.read_bytes()[:5000])
    elif damage == "remove":
        output.unlink()
    with pytest.raises(UserError, match=message):
        build_network(architecture, output, classes=CLASSES, device="cpu")

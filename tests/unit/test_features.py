"""Features equal a slow look at every layer, and the file holds them all."""

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from convscope.errors import UserError
from convscope.features.extract import extract_features, layer_entries
from convscope.features.peaks import (
    find_peaks,
    largest_of_planes,
    largest_of_rows,
    rectify_peaks,
)
from convscope.images.store import ImageBatch
from convscope.networks.reference import initialised_network
from convscope.networks.reference_layers import reference_architecture
from convscope.variants.apply import apply_variant
from convscope.variants.definitions import definition_of
from convscope.variants.network_input import variant_rgb

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
VARIANTS = {"normal": ["a", "b", "c"], "rotate_180": ["c", "a"], "turned": ["b"]}
DEFINITIONS = {"turned": {"rotate": 30, "scale": 1.2, "fill": "grey"}}


def slow_peak(channel: np.ndarray) -> tuple[float, int, int]:
    best = (channel[0][0], 0, 0)
    for row in range(len(channel)):
        for column in range(len(channel[0])):
            if channel[row][column] > best[0]:
                best = (channel[row][column], row, column)
    return best


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_first_of_equal_maxima_wins(layout):
    generator = torch.Generator().manual_seed(0)
    output = torch.randint(-2, 3, (3, 5, 7, 6), generator=generator).float()
    output[1, 2] = 0.0
    values, positions = find_peaks(output.contiguous(memory_format=layout), "toy")
    for sample in range(3):
        for channel in range(5):
            expected = slow_peak(output[sample, channel].tolist())
            found = (values[sample, channel].item(), *positions[sample, channel].tolist())
            assert found == expected


def test_the_way_of_a_gpu_finds_the_same_peaks():
    generator = torch.Generator().manual_seed(4)
    output = torch.randint(-2, 3, (3, 5, 7, 6), generator=generator).float()
    output[1, 2] = 0.0
    for found, expected in zip(largest_of_rows(output), largest_of_planes(output), strict=True):
        assert torch.equal(found, expected)


def test_peaks_of_a_relu_follow_from_those_before_it():
    output = torch.randn(4, 9, 3, 3, generator=torch.Generator().manual_seed(1))
    output[0, 0] = -1.0
    derived = rectify_peaks(*find_peaks(output, "before"))
    direct = find_peaks(output.relu(), "after")
    assert torch.equal(derived[0], direct[0])
    assert torch.equal(derived[1], direct[1])


def test_a_vector_layer_has_its_peak_at_the_origin():
    values, positions = find_peaks(torch.tensor([[1.0, -2.0]]), "vector")
    assert values.tolist() == [[1.0, -2.0]]
    assert positions.tolist() == [[[0, 0], [0, 0]]]


def test_nan_is_refused_by_layer():
    output = torch.zeros(1, 2, 3, 3)
    output[0, 1, 2, 2] = torch.nan
    with pytest.raises(UserError, match=r"layer features\.3.*NaN"):
        find_peaks(output, "features.3")


@pytest.fixture(scope="module")
def network():
    return initialised_network([4, 6], 3, 5, torch.Generator().manual_seed(2)).eval()


@pytest.fixture(scope="module")
def images():
    pixels = np.random.default_rng(3).integers(0, 256, (3, 3, 224, 224), dtype=np.uint8)
    return ImageBatch(("a", "b", "c"), pixels, ("1" * 64,) * 3, ("2" * 64,) * 3)


def extract(network, images, path, **changes):
    architecture = reference_architecture([4, 6], 3, 5)
    arguments = {
        "layers": layer_entries([layer.settings for layer in architecture.layers]),
        "variants": {
            name: {"definition": definition_of(name, DEFINITIONS), "images": members}
            for name, members in VARIANTS.items()
        },
        "mean": MEAN,
        "std": STD,
        "stored_layers": ["features.0", "classifier.1"],
        "activations": "float32",
        "attributes": {"network": {"architecture": "reference"}, "packages": {}},
        "device": torch.device("cpu"),
    }
    extract_features(network, images, path, **{**arguments, **changes})
    return arguments["layers"]


def slow_layers(network: nn.Module, inputs: torch.Tensor) -> dict[str, np.ndarray]:
    """Run the modules one after another on copies; nothing in place can reach an earlier one."""
    outputs = {}
    value = inputs
    for group in ("features", "avgpool", "classifier"):
        module = network.get_submodule(group)
        value = value.flatten(1) if group == "classifier" else value
        inside = module if isinstance(module, nn.Sequential) else [module]
        for number, step in enumerate(inside):
            value = step(value.clone())
            name = f"{group}.{number}" if isinstance(module, nn.Sequential) else group
            outputs[name] = value.clone().numpy()
    return outputs


def test_the_file_equals_a_slow_look_at_every_layer(network, images, tmp_path):
    layers = extract(network, images, tmp_path / "features.h5")
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (MEAN, STD))
    with h5py.File(tmp_path / "features.h5") as file, torch.inference_mode():
        assert set(file["variants"]) == set(VARIANTS)
        for name, members in VARIANTS.items():
            group = file["variants"][name]
            assert [images.ids[k] for k in group["image_index"][:]] == members
            for row, image in enumerate(members):
                pixels = torch.from_numpy(images.pixels[[images.ids.index(image)]])
                rgb = apply_variant(pixels, definition_of(name, DEFINITIONS), MEAN)
                expected = slow_layers(network, (rgb - mean) / std)
                check_row(group, row, layers, expected)


def check_row(group, row, layers, expected):
    np.testing.assert_allclose(group["logits"][row], expected["classifier.2"][0], rtol=1e-5)
    for layer in layers:
        output = expected[layer.name][0].reshape(layer.channels, layer.height, layer.width)
        place = slice(layer.offset, layer.offset + layer.channels)
        values = group["peak_value"][row, place]
        positions = group["peak_position"][row, place]
        np.testing.assert_allclose(values, output.max(axis=(1, 2)), rtol=1e-5, atol=1e-6)
        at_peak = [output[c, r, k] for c, (r, k) in enumerate(positions)]
        np.testing.assert_allclose(at_peak, output.max(axis=(1, 2)), rtol=1e-5, atol=1e-6)
    for name in ("features.0", "classifier.1"):
        np.testing.assert_allclose(
            group[f"activations/{name}"][row], expected[name][0], rtol=1e-5, atol=1e-6
        )
    assert group["activations/features.0"][row].min() < 0, "a ReLU wrote into its input"


def test_two_runs_give_the_same_bytes_and_leave_the_network_alone(network, images, tmp_path):
    extract(network, images, tmp_path / "a.h5")
    extract(network, images, tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


def test_passes_that_do_not_fit_the_memory_are_halved(network, images, tmp_path, monkeypatch):
    passes = []

    def short_of_memory(pixels, *arguments):
        passes.append(len(pixels))
        if len(pixels) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return variant_rgb(pixels, *arguments)

    extract(network, images, tmp_path / "whole.h5")
    monkeypatch.setattr("convscope.features.extract.variant_rgb", short_of_memory)
    extract(network, images, tmp_path / "single.h5")
    assert passes == [3, 1, 1, 1, 1, 1, 1]
    found = []
    with h5py.File(tmp_path / "whole.h5") as whole, h5py.File(tmp_path / "single.h5") as single:
        whole["variants"].visititems(lambda name, item: found.append(name))
        for name in found:
            values = whole["variants"][name]
            if isinstance(values, h5py.Dataset):
                same = single["variants"][name]
                np.testing.assert_allclose(same[:], values[:], rtol=1e-5, atol=1e-6)
    assert len(found) > 12


def test_float16_halves_the_activations_and_refuses_what_does_not_fit(network, images, tmp_path):
    extract(network, images, tmp_path / "half.h5", activations="float16")
    extract(network, images, tmp_path / "full.h5")
    name = "variants/normal/activations/features.0"
    with h5py.File(tmp_path / "half.h5") as half, h5py.File(tmp_path / "full.h5") as full:
        assert half[name].dtype == np.float16
        np.testing.assert_allclose(half[name][:], full[name][:], rtol=1e-3, atol=1e-4)
    with pytest.raises(UserError, match=r"features\.0.*float16.*features\.activations"):
        extract(network, images, tmp_path / "no.h5", std=(1e-7,) * 3, activations="float16")
    assert not (tmp_path / "no.h5").exists()

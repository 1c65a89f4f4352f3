"""The planned layers of the reference network against the network itself."""

import pytest

from convscope.errors import UserError
from convscope.networks.architectures import resolve_layer
from convscope.networks.build import build_network, skeleton
from convscope.networks.check import check_network
from convscope.networks.layers import layer_calls
from convscope.networks.preflight import preflight
from convscope.networks.reference_layers import reference_architecture
from convscope.networks.table import layer_shapes
from convscope.networks.weights import make_random_weights


@pytest.mark.parametrize("widths", [(16, 32, 64, 96), (4,), (3, 5, 7, 9, 11, 13, 15)])
def test_the_plan_is_what_the_network_is(widths):
    planned = reference_architecture(widths, 5, 64)
    network = skeleton("reference", classes=5, reference={"widths": list(widths)})
    assert preflight(network) == []
    assert [(layer.name, layer.kind) for layer in planned.layers] == [
        (call.layer, call.kind) for call in layer_calls(network)
    ]
    assert {layer.name: layer.shape for layer in planned.layers} == layer_shapes(network)
    assert planned.with_classes(9) == reference_architecture(widths, 9, 64)


def test_layers_are_named_like_a_vggs():
    planned = reference_architecture((16, 32, 64, 96), 8, 64)
    names = [layer.common_name for layer in planned.layers]
    assert names[:5] == ["conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1"]
    assert names[-6:] == ["relu4_2", "pool4", "avgpool", "fc5", "relu5", "fc6"]
    assert resolve_layer(planned, "relu4_2").name == "features.18"


@pytest.mark.parametrize("count", [0, 8])
def test_an_impossible_number_of_blocks_is_refused(count):
    with pytest.raises(UserError, match=f"reference network, widths: {count} blocks"):
        reference_architecture([2] * count, 8, 64)


def test_random_weights_are_built_and_pass_the_check(tmp_path):
    reference = {"widths": [4, 6]}
    path = tmp_path / "weights.safetensors"
    make_random_weights("reference", 2, 8, path, reference=reference)
    build_network("reference", path, classes=8, device="cpu", reference=reference)
    check_network(
        path,
        tmp_path / "check.json",
        architecture="reference",
        classes=8,
        preprocessing={"mean": [0.5] * 3, "std": [0.25] * 3},
        layers=[layer.settings for layer in reference_architecture([4, 6], 8, 64).layers],
        reference=reference,
    )
    assert (tmp_path / "check.json").is_file()

"""Bottom and top are what definitions say, for every kind of network."""

from pathlib import Path

import pytest
import torch
import torchvision

from convscope.errors import UserError
from convscope.invariance.layers import bottom_layer, chosen_layers, last_map, top_layer
from convscope.networks.architectures import (
    architecture_names,
    load_architecture,
    resolve_layer,
)
from convscope.networks.layers import observing
from convscope.networks.reference_layers import reference_architecture
from invariance_toys import toy_network

TABLE = Path(__file__).resolve().parents[2] / "workflow" / "architectures"
REFERENCE = reference_architecture((4, 6), 5, 6)


@pytest.mark.parametrize(
    ("name", "bottom", "map_layer", "top"),
    [
        ("vgg16", "relu1_1", "relu5_3", "relu7"),
        ("vgg19", "relu1_1", "relu5_4", "relu7"),
        ("vgg11_bn", "relu1_1", "relu5_2", "relu7"),
        ("alexnet", "relu1", "relu5", "relu7"),
        ("squeezenet1_0", "relu1", "fire9", "fire9"),
        ("squeezenet1_1", "relu1", "fire9", "fire9"),
        ("resnet50", "relu", "layer4.2.relu.call3", "avgpool"),
        ("mnasnet1_0", "layers.2", "layers.16", "layers.16"),
    ],
)
def test_default_layers(name, bottom, map_layer, top):
    architecture = load_architecture(TABLE, name)
    for found, expected in (
        (bottom_layer(architecture), bottom),
        (last_map(architecture), map_layer),
        (top_layer(architecture), top),
    ):
        assert found == resolve_layer(architecture, expected)


def test_the_reference_network_is_like_a_vgg():
    assert bottom_layer(REFERENCE).common_name == "relu1_1"
    assert top_layer(REFERENCE).name == "classifier.1"


def test_every_accepted_architecture_has_a_bottom_and_a_hidden_top():
    accepted = [load_architecture(TABLE, name) for name in architecture_names(TABLE)]
    accepted = [architecture for architecture in accepted if architecture.accepted]
    assert len(accepted) > 20
    for architecture in accepted:
        bottom, top = bottom_layer(architecture), top_layer(architecture)
        assert bottom.kind == "relu"
        assert not top.counts_classes
        assert architecture.layers.index(bottom) < architecture.layers.index(top)


@pytest.mark.parametrize(
    ("network", "architecture"),
    [
        (lambda: toy_network(torch.float32), REFERENCE),
        (
            lambda: torchvision.models.resnet18(num_classes=3).eval(),
            load_architecture(TABLE, "resnet18"),
        ),
    ],
    ids=["reference", "resnet18"],
)
def test_the_top_layer_is_what_the_last_linear_layer_reads(network, architecture):
    network = network()
    last = [m for m in network.modules() if isinstance(m, torch.nn.Linear)][-1]
    seen = {}
    handle = last.register_forward_pre_hook(lambda _, inputs: seen.update(read=inputs[0].clone()))

    def keep(layer, output):
        seen[layer] = output.clone()

    top = top_layer(architecture).name
    with torch.no_grad(), observing(network, keep, [top]):
        network(torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    handle.remove()
    assert torch.equal(seen["read"], seen[top].flatten(1))


def test_any_list_by_either_name():
    vgg = load_architecture(TABLE, "vgg16")
    chosen = chosen_layers(vgg, ["relu1_1", "features.15", "fc7"])
    assert [layer["name"] for layer in chosen] == ["features.1", "features.15", "classifier.3"]
    assert [layer["role"] for layer in chosen] == ["bottom", "between", "top"]
    assert chosen[1]["shape"] == [256, 56, 56]
    assert [layer["role"] for layer in chosen_layers(vgg, ["relu7"])] == ["top"]
    assert [layer["common_name"] for layer in chosen_layers(vgg)] == ["relu1_1", "relu7"]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["relu1_1", "relu9_9"], ["relu9_9", "vgg16"]),
        (["relu1_1", "features.1"], ["networks.a.layers", "relu1_1", "twice"]),
        ([], ["networks.a.layers", "no layer"]),
    ],
)
def test_bad_layers(names, words):
    with pytest.raises(UserError) as caught:
        chosen_layers(load_architecture(TABLE, "vgg16"), names, where="networks.a.layers")
    for word in words:
        assert word in str(caught.value)

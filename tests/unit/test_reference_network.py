"""The reference network: torchvision's names, the architecture promised, its first weights."""

import math

import pytest
import torch
from torch import nn
from torchvision.models import vgg16

from convscope.errors import UserError
from convscope.networks.reference import initialised_network, reference_network

WIDTHS = (4, 6, 8)


def test_modules_are_named_and_ordered_as_in_torchvisions_vgg():
    with torch.device("meta"):
        network, model = reference_network(), vgg16()
    assert [name for name, _ in network.named_children()] == [
        name for name, _ in model.named_children()
    ]
    ours = [type(module) for module in network.features]
    assert ours[:10] == [type(module) for module in model.features][:10]
    assert ours == [nn.Conv2d, nn.ReLU, nn.Conv2d, nn.ReLU, nn.MaxPool2d] * 4
    assert all(module.inplace for module in network.modules() if isinstance(module, nn.ReLU))


@pytest.mark.parametrize("side", [32, 96, 224])
def test_logits_do_not_depend_on_a_fixed_input_size(side):
    network = reference_network(WIDTHS, classes=5, hidden=7).eval()
    assert network(torch.rand(2, 3, side, side)).shape == (2, 5)


def test_the_forward_pass_is_what_its_parts_make():
    network = reference_network(WIDTHS, classes=5, hidden=7).double().eval()
    images = torch.rand(2, 3, 40, 40, dtype=torch.float64)
    maps = images
    for layer in network.features:
        maps = layer(maps.clone())
    expected = network.classifier(maps.mean(dim=(2, 3)))
    torch.testing.assert_close(network(images), expected, rtol=1e-12, atol=1e-12)


def test_first_weights_are_he_normal_and_come_from_the_generator_alone():
    before = torch.get_rng_state()
    networks = [
        initialised_network((32, 64), 8, 64, torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    ]
    assert torch.equal(before, torch.get_rng_state())
    states = [network.state_dict() for network in networks]
    for name in states[0]:
        assert torch.equal(states[0][name], states[1][name])
    weight = states[0]["features.7.weight"]
    assert not torch.equal(weight, states[2]["features.7.weight"])
    assert weight.std().item() == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.03)
    assert all(not value.any() for name, value in states[0].items() if name.endswith("bias"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"widths": (4, 0)}, r"widths\[1\]"),
        ({"classes": 0}, "classes"),
        ({"hidden": -1}, "hidden"),
    ],
)
def test_sizes_below_one_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        reference_network(**arguments)

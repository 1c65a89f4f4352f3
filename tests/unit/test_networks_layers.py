"""Layers are seen as they are computed, against copies without in-place operations."""

import copy
import gc
import weakref

import pytest
import torch
from torch import nn

from convscope.errors import UserError
from convscope.networks.build import skeleton
from convscope.networks.layers import joined_layers, layer_calls, observing

SIZES = {"alexnet": 224, "vgg11": 64, "squeezenet1_0": 96, "resnet18": 64}


def make_network(name):
    """Fill the network with weights in which no activation dies or explodes."""
    network = skeleton(name, classes=5).to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    for key, tensor in network.state_dict().items():
        if key.endswith("num_batches_tracked"):
            tensor.zero_()
        elif key.endswith("running_var"):
            tensor.fill_(1)
        else:
            fan_in = tensor[0].numel() if tensor.dim() > 1 else 1
            # Uniform numbers are ten times as fast as normal ones, which vgg11's fc6 feels.
            tensor.uniform_(-1, 1, generator=generator).mul_((6 / fan_in) ** 0.5)
    return network


def images(size):
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))


def count_hooks(network):
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules()
    )


def outputs_without_in_place(network, x):
    """Return every leaf's outputs, by module and call, from a copy without in-place ReLUs."""
    plain = copy.deepcopy(network)
    found = {}
    for name, module in plain.named_modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
        if next(module.children(), None) is None:

            def keep(_module, _inputs, output, name=name):
                found.setdefault(name, []).append(output.clone())

            module.register_forward_hook(keep)
    with torch.no_grad():
        plain(x)
    return found


@pytest.mark.parametrize("name", SIZES)
def test_outputs_are_seen_before_in_place_operations(name):
    network, x = make_network(name), images(SIZES[name])
    seen = {}
    with torch.no_grad(), observing(network, lambda layer, out: seen.update({layer: out.clone()})):
        network(x)
    calls = layer_calls(network)
    assert list(seen) == [call.layer for call in calls]
    oracle = outputs_without_in_place(network, x)
    for call in calls:
        output = seen[call.layer]
        if call.kind in ("conv", "batchnorm"):
            assert output.min() < 0, call
        if call.module in oracle:
            number = int(call.layer.rpartition(".call")[2]) if ".call" in call.layer else 1
            assert torch.equal(output, oracle[call.module][number - 1]), call
    assert count_hooks(network) == 0


@pytest.mark.parametrize("name", ["alexnet", "vgg11", "squeezenet1_0"])
def test_each_relu_layer_is_the_relu_of_the_layer_before_it(name):
    network = make_network(name)
    kinds = {call.layer: call.kind for call in layer_calls(network)}
    previous, checked = {}, []

    def compare(layer, output):
        if kinds[layer] == "relu":
            assert torch.equal(output, previous["output"].clamp(min=0))
            checked.append(layer)
        previous["output"] = output.clone()

    with torch.no_grad(), observing(network, compare):
        network(images(SIZES[name]))
    assert len(checked) == sum(kind == "relu" for kind in kinds.values()) > 5


def test_a_fire_modules_output_is_the_concatenation_of_its_branches():
    network = make_network("squeezenet1_0")
    seen = {}
    with torch.no_grad(), observing(network, lambda layer, out: seen.update({layer: out.clone()})):
        network(images(96))
    branches = [seen[f"features.3.expand{size}_activation"] for size in ("1x1", "3x3")]
    assert torch.equal(seen["features.3"], torch.cat(branches, 1))
    assert "features" not in seen
    parts = joined_layers(layer_calls(network))["features.3"]
    assert torch.equal(seen["features.3"], torch.cat([seen[part] for part in parts], 1))


class Reusing(nn.Module):
    """A residual block whose ReLU is called twice and which ends in a sum."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        y = self.relu(self.conv(x))
        y = self.relu(self.conv(y) - 0.0 * y)
        return y + x


def reusing():
    torch.manual_seed(3)
    return nn.Sequential(Reusing(), nn.Dropout(), nn.Identity(), nn.Flatten()).eval()


REUSED = ["0.conv", "0.relu", "0.conv.call2", "0.relu.call2", "0", "3"]


def test_a_reused_module_makes_a_layer_a_call():
    network = reusing()
    assert [call.layer for call in layer_calls(network)] == REUSED
    assert [call.kind for call in layer_calls(network)][-2:] == ["add", "flatten"]
    seen = []
    with observing(network, lambda layer, _: seen.append(layer)):
        network(torch.ones(1, 2, 3, 3))
        network(torch.ones(1, 2, 3, 3))
    assert seen == REUSED * 2


def test_only_wanted_layers_are_reported():
    network = reusing()
    seen = []
    with observing(network, lambda layer, _: seen.append(layer), layers=["0.relu.call2", "0"]):
        network(torch.ones(1, 2, 3, 3))
        assert count_hooks(network) == 3
    assert seen == ["0.relu.call2", "0"]


def test_an_exception_leaves_no_hook_and_no_wrong_count():
    network = reusing()
    seen = []

    def fail(layer, _):
        seen.append(layer)
        if len(seen) == 2:
            raise RuntimeError("stop")

    with observing(network, fail):
        with pytest.raises(RuntimeError, match="stop"):
            network(torch.ones(1, 2, 3, 3))
        network(torch.ones(1, 2, 3, 3))
    assert seen == ["0.conv", "0.relu", *REUSED]
    with pytest.raises(ValueError, match="inside"), observing(network, fail):
        raise ValueError("inside")
    assert count_hooks(network) == 0


def test_part_of_a_network_may_be_run_alone_and_observers_may_be_nested():
    network = reusing()
    outer, inner = [], []
    with (
        observing(network, lambda layer, _: outer.append(layer)),
        observing(network, lambda layer, _: inner.append(layer)),
    ):
        network[0](torch.ones(1, 2, 3, 3))
        network[0](torch.ones(1, 2, 3, 3))
    assert outer == inner == REUSED[:-1] * 2


def test_no_output_is_kept():
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.Conv2d(1, 1, 1)).eval()
    kept = {}
    with torch.no_grad(), observing(network, lambda n, out: kept.update({n: weakref.ref(out)})):
        result = network(torch.ones(1, 1, 2, 2))
        gc.collect()
        assert [name for name, reference in kept.items() if reference() is not None] == ["2"]
        del result


def test_an_unknown_layer_is_refused_before_any_hook():
    network = reusing()
    with (
        pytest.raises(UserError, match=r"0\.relus: the network has no such layer.*0\.relu"),
        observing(network, lambda *_: None, layers=["0.relus"]),
    ):
        pass
    assert count_hooks(network) == 0

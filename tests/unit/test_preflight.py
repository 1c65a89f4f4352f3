"""The pre-flight check, on toy networks with one thing wrong and on torchvision's."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from convscope.networks.build import skeleton
from convscope.networks.preflight import preflight


class Toy(nn.Module):
    """A convolution followed by any function of its output."""

    def __init__(self, function, **modules):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.scale = nn.Parameter(torch.ones(1))
        for name, module in modules.items():
            setattr(self, name, module)
        self.function = function

    def forward(self, x):
        return self.function(self, self.conv(x))


def branch(self, x):
    return x if x.sum() > 0 else -x


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda _, x: functional.relu(x), "forward: functional ReLU (relu;"),
        (lambda _, x: functional.relu(x, inplace=True), "forward: functional ReLU (relu;"),
        (lambda _, x: torch.relu(x), "forward: functional ReLU (relu;"),
        (lambda _, x: torch.relu_(x), "forward: functional ReLU (relu_;"),
        (lambda _, x: x.relu(), "forward: functional ReLU (relu;"),
        (lambda _, x: x.relu_(), "forward: functional ReLU (relu_;"),
        (lambda _, x: torch.sigmoid(x), "unsupported function sigmoid"),
        (lambda _, x: x.clamp(min=0), "unsupported function clamp"),
        (lambda _, x: x * x, "unsupported function mul"),
        (lambda _, x: x + 1, "unsupported function add"),
        (lambda _, x: torch.add(x, x, alpha=2), "unsupported function add"),
        (lambda _, x: torch.cat([x, x], 0), "unsupported function cat"),
        (lambda _, x: x.mean((0, 2)), "unsupported function mean"),
        (lambda _, x: x.mean(), "unsupported function mean"),
        (lambda _, x: torch.flatten(x), "unsupported function flatten"),
        (lambda _, x: functional.max_pool2d(x, 2), "unsupported function max_pool2d"),
        (lambda self, x: x + self.scale, "a parameter or constant is used outside a module"),
        (lambda _, x: (x, x), "the network returns more than one tensor"),
        (
            lambda _, x: x + x.mean((2, 3), keepdim=True),
            "forward: it joins maps of different sizes",
        ),
        (branch, "its forward pass cannot be traced"),
    ],
)
def test_what_the_methods_cannot_treat_is_refused(function, reason):
    assert any(reason in refusal for refusal in preflight(Toy(function).eval()))


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (nn.GELU(), "layer: unknown activation GELU"),
        (nn.SiLU(), "layer: unknown activation SiLU"),
        (nn.Hardswish(), "layer: unknown activation Hardswish"),
        (nn.Sigmoid(), "layer: unknown activation Sigmoid"),
        (nn.ReLU6(), "layer: unknown activation ReLU6"),
        (nn.LeakyReLU(), "layer: unknown activation LeakyReLU"),
        (nn.ConvTranspose2d(4, 4, 2), "layer: unsupported module ConvTranspose2d"),
        (nn.LayerNorm(4), "layer: unsupported module LayerNorm"),
        (nn.BatchNorm2d(4, track_running_stats=False), "layer: batch normalisation without"),
        (nn.MaxPool2d(2, return_indices=True), "layer: max pooling returns indices"),
        (nn.Flatten(0), "layer: flattening of the batch"),
        (nn.Flatten(1, 2), "layer: flattening of some dimensions only"),
        (nn.Linear(222, 2), "layer: a linear layer reads maps"),
        (nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), "layer: padding mode 'reflect'"),
        (nn.Conv2d(5, 4, 3), "layer: it does not fit images of 224 x 224 pixels ("),
    ],
)
def test_unknown_modules_are_refused_by_name(module, reason):
    (refusal,) = preflight(Toy(lambda self, x: self.layer(x), layer=module).eval())
    assert refusal.startswith(reason)


@pytest.mark.parametrize(
    "function",
    [
        lambda _, x: torch.flatten(x, 1),
        lambda _, x: x.flatten(1),
        lambda _, x: torch.cat([x, x], 1),
        lambda _, x: torch.cat([x, x], dim=1),
        lambda _, x: x + x,
        lambda _, x: x.add_(x),
        lambda _, x: x.mean([2, 3]),
        lambda _, x: x.mean(dim=(-1, -2), keepdim=True),
        lambda _, x: torch.mean(x, (2, 3)),
    ],
)
def test_what_the_methods_treat_is_accepted(function):
    assert preflight(Toy(function).eval()) == []


def overwritten(self, x):
    return self.relu(x) + x


def overwritten_through_a_dropout(self, x):
    y = self.conv2(self.drop(x))
    self.relu(self.drop(x))
    return y + x


def overwritten_by_an_addition(self, x):
    y = self.conv2(x)
    y += x
    z = self.conv2(y)
    y += z
    return z + y


def overwritten_and_returned(self, x):
    self.relu(x)
    return x


@pytest.mark.parametrize(
    ("function", "refused"),
    [
        (overwritten, True),
        (overwritten_through_a_dropout, True),
        (overwritten_and_returned, True),
        (overwritten_by_an_addition, False),
    ],
)
def test_what_reads_a_tensor_that_was_overwritten_in_place_is_refused(function, refused):
    modules = {"conv2": nn.Conv2d(4, 4, 3, padding=1), "drop": nn.Dropout()}
    toy = Toy(function, relu=nn.ReLU(inplace=True), **modules).eval()
    expected = ["forward: it reads what was overwritten in place"] if refused else []
    assert preflight(toy) == expected


def test_more_than_one_input_is_refused():
    class Two(nn.Module):
        def forward(self, x, y):
            return x + y

    assert preflight(Two()) == ["forward: the network takes more than one input"]


def test_what_depends_on_the_size_of_images_is_checked_for_theirs():
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(2 * 30 * 28, 4)).eval()
    assert preflight(network, (32, 30)) == []
    (refusal,) = preflight(network)
    assert refusal.startswith("2: it does not fit images of 224 x 224 pixels (")


def test_the_check_neither_computes_nor_calls_hooks_nor_copies():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True)).eval()
    before = {name: (tensor, tensor.clone()) for name, tensor in network.state_dict().items()}
    calls = []
    for module in network.modules():
        module.register_forward_hook(lambda *_: calls.append(1))
        module.register_forward_pre_hook(lambda *_: calls.append(1))
    assert preflight(network) == []
    # Tracing calls the network itself on stand-ins; nothing inside it runs.
    assert len(calls) <= 2
    for name, tensor in network.state_dict().items():
        assert tensor.data_ptr() == before[name][0].data_ptr()
        assert torch.equal(tensor, before[name][1])


def test_known_modules_are_accepted_also_on_the_meta_device():
    with torch.device("meta"):
        network = nn.Sequential(
            nn.Conv2d(3, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.AvgPool2d(2),
            nn.Dropout(),
            nn.Identity(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 2),
        )
    assert preflight(network.eval()) == []


def test_places_are_gathered_by_reason():
    network = nn.Sequential(*[nn.GELU() for _ in range(5)], nn.Tanh())
    assert preflight(network) == [
        "0, 1, 2 and 2 more: unknown activation GELU (only nn.ReLU is known)",
        "5: unknown activation Tanh (only nn.ReLU is known)",
    ]


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("vgg11_bn", True),
        ("resnet18", True),
        ("squeezenet1_1", True),
        ("mnasnet0_5", True),
        ("googlenet", False),
        ("densenet121", False),
        ("swin_t", False),
        ("regnet_y_400mf", False),
    ],
)
def test_torchvisions_architectures(name, accepted):
    assert (preflight(skeleton(name, classes=2)) == []) is accepted

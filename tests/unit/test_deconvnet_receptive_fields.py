"""Receptive fields: published sizes, and what changing pixels does to units."""

import numpy as np
import pytest
import torch
from torch import nn

from convscope.deconvnet.axes import interpolating, window_taps
from convscope.deconvnet.receptive_fields import ReceptiveFields
from convscope.errors import UserError
from convscope.networks.build import skeleton

PUBLISHED = {
    "alexnet": {
        "features.0": (11, 4),
        "features.2": (19, 8),
        "features.5": (67, 16),
        "features.10": (163, 16),
        "features.12": (195, 32),
    },
    "vgg16": {
        "features.4": (6, 2),
        "features.9": (16, 4),
        "features.16": (44, 8),
        "features.23": (100, 16),
        "features.28": (196, 16),
        "features.30": (212, 32),
    },
    "vgg19": {
        "features.18": (52, 8),
        "features.27": (124, 16),
        "features.34": (252, 16),
        "features.36": (268, 32),
    },
}


@pytest.mark.parametrize("architecture", PUBLISHED)
def test_sizes_and_strides_are_the_published_ones(architecture):
    fields = ReceptiveFields(skeleton(architecture, classes=10))

    for layer, (size, stride) in PUBLISHED[architecture].items():
        assert fields.size_and_stride(layer) == ((size, size), (stride, stride))


def test_boxes_are_clipped_to_the_image():
    fields = ReceptiveFields(skeleton("vgg16", classes=10))

    corner = np.array([[0, 0], [13, 13], [7, 6]])
    assert fields.boxes("features.28", corner).tolist() == [
        [0, 0, 106, 106],
        [118, 118, 224, 224],
        [22, 6, 218, 202],
    ]
    assert fields.boxes("classifier.6", np.array([[0, 0]])).tolist() == [[0, 0, 224, 224]]
    assert fields.whole("features.28").tolist() == [0, 0, 224, 224]


@pytest.mark.parametrize("architecture", ["squeezenet1_0", "resnet18", "vgg11_bn", "alexnet"])
def test_map_sizes_are_those_of_a_forward_pass(architecture):
    from convscope.networks.layers import layer_calls, observing

    network = skeleton(architecture, classes=7)
    fields = ReceptiveFields(network, (96, 131))
    shapes = {}

    def keep(layer, output):
        shapes[layer] = (*output.shape[2:], 1, 1)[:2]

    with observing(network, keep):
        network(torch.empty(1, 3, 96, 131, device="meta"))

    assert {call.layer: fields.map_size(call.layer) for call in layer_calls(network)} == shapes


class Branches(nn.Module):
    """Two branches of different reach, joined both ways."""

    def __init__(self):
        super().__init__()
        self.narrow = nn.Conv2d(4, 3, 1)
        self.wide = nn.Conv2d(4, 3, 5, padding=2)
        self.again = nn.Conv2d(6, 6, 3, padding=1)

    def forward(self, x):
        joined = torch.cat([self.narrow(x), self.wide(x)], 1)
        return joined + self.again(joined)


def positive(network):
    """Make every path count: positive weights, no biases, averages in place of maxima."""
    torch.manual_seed(3)
    for parameter in network.parameters():
        parameter.data.uniform_(0.5, 1.5)
    return network.double().eval()


TOYS = {
    "padding": lambda: nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 2, 3, padding=2)),
    "stride": lambda: nn.Sequential(nn.Conv2d(3, 4, 5, 3, 1), nn.Conv2d(4, 2, (3, 2), (2, 1))),
    "dilation": lambda: nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, dilation=2), nn.Conv2d(4, 2, 2, dilation=(1, 3))
    ),
    "same": lambda: nn.Sequential(nn.Conv2d(3, 4, 4, padding="same"), nn.Conv2d(4, 2, 3)),
    "pooling": lambda: nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.AvgPool2d(3, 2, 1, ceil_mode=True), nn.Conv2d(4, 2, 2)
    ),
    "adaptive": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d((4, 5))),
    "branches": lambda: nn.Sequential(nn.Conv2d(3, 4, 3, 2), Branches(), nn.Conv2d(6, 2, 3)),
    "linear": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 15 * 18, 5)),
}


@pytest.mark.parametrize("toy", TOYS)
def test_a_unit_sees_the_corners_of_its_box_and_nothing_outside(toy):
    network = positive(TOYS[toy]())
    size = (17, 20)
    fields = ReceptiveFields(network, size)
    layer = fields.program.steps[-1].layer
    image = torch.rand(1, 3, *size, dtype=torch.float64, requires_grad=True)
    output = network(image)
    height, width = fields.map_size(layer)
    random = np.random.default_rng(0)

    for row, column in {(0, 0), (height - 1, width - 1), (height // 2, width // 3)}:
        top, left, bottom, right = fields.boxes(layer, np.array([[row, column]]))[0]
        unit = output[0, 0, row, column] if output.dim() == 4 else output[0, 0]
        noise = torch.from_numpy(random.normal(size=(1, 3, *size)))
        noise[..., top:bottom, left:right] = 0
        with torch.no_grad():
            changed = network(image + noise)
        again = changed[0, 0, row, column] if output.dim() == 4 else changed[0, 0]
        # Beyond rounding: other pixels may change the order in which a kernel adds.
        assert abs((again - unit).item()) <= 1e-12 * abs(unit.item())
        (gradient,) = torch.autograd.grad(unit, image, retain_graph=True)
        corners = gradient[0, :, [top, bottom - 1], :][..., [left, right - 1]]
        assert (corners != 0).all()


def test_dilated_taps_that_only_read_padding_do_not_widen_the_box():
    network = nn.Sequential(nn.Conv2d(3, 2, 3, padding=1, dilation=2))

    fields = ReceptiveFields(network, (9, 9))

    assert fields.boxes("0", np.array([[0, 0]])).tolist() == [[1, 1, 4, 4]]
    assert fields.size_and_stride("0") == ((5, 5), (1, 1))


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("side", range(5, 17))
def test_pooling_has_as_many_positions_as_torch_says(side, ceil_mode):
    pool = nn.MaxPool2d(3, 2, 1, 2, ceil_mode=ceil_mode)

    taps = window_taps(pool, 0, side)

    assert len(taps.first) == pool(torch.zeros(1, 1, side, side)).shape[2]


@pytest.mark.parametrize(("count", "side"), [(1, 4), (3, 7), (6, 13), (13, 27), (7, 14)])
def test_interpolation_is_torchs_bilinear_one(count, side):
    values = torch.rand(1, 1, count, count, dtype=torch.float64)

    matrix = torch.from_numpy(interpolating(count, side))

    expected = nn.functional.interpolate(values, (side, side), mode="bilinear")[0, 0]
    torch.testing.assert_close(matrix.T @ values[0, 0] @ matrix, expected, rtol=1e-12, atol=0)


def test_unknown_layers_and_positions_outside_are_refused():
    fields = ReceptiveFields(skeleton("alexnet", classes=10))

    with pytest.raises(UserError, match=r"features\.77.*no such layer"):
        fields.boxes("features.77", np.array([[0, 0]]))
    with pytest.raises(UserError, match=r"\(13, 0\) is outside its map of \(13, 13\)"):
        fields.boxes("features.10", np.array([[2, 2], [13, 0]]))


def test_joins_by_broadcasting_and_other_padding_are_refused():
    class Broadcast(nn.Module):
        def __init__(self):
            super().__init__()
            self.pool = nn.AdaptiveAvgPool2d(1)

        def forward(self, x):
            return x + self.pool(x)

    with pytest.raises(UserError, match="maps of different sizes"):
        ReceptiveFields(Broadcast(), (8, 8))
    with pytest.raises(UserError, match="0: padding mode 'reflect'"):
        ReceptiveFields(nn.Sequential(nn.Conv2d(3, 2, 3, padding=1, padding_mode="reflect")))
    with pytest.raises(UserError, match="unknown activation GELU"):
        ReceptiveFields(nn.Sequential(nn.Conv2d(3, 2, 3), nn.GELU()))

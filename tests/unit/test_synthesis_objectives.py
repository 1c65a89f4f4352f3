"""Objectives against the network itself and against finite differences."""

import numpy as np
import pytest
import torch

from convscope.errors import UserError
from convscope.networks.layers import observing
from convscope.synthesis.forward import ForwardPass
from convscope.synthesis.objectives import (
    ClassScore,
    FeatureCode,
    UnitValue,
    score_description,
    score_place,
)
from synthesis_toys import SIZE, noise, program, softened, squeezed, toy

NETWORKS = {"linear": toy, "squeezed": squeezed}


def observed(network, images):
    """Return every layer's output, by hooks."""
    outputs = {}

    def keep(layer, output):
        outputs[layer] = output.clone()

    with observing(network, keep):
        network(images.clone())
    return outputs


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_every_row_reaches_its_own_layer_and_goes_no_further(make):
    network = make()
    own = program(network)
    places = [place for place, step in enumerate(own.steps) if step.layer]
    targets = places[::-1]
    images = noise(len(targets))
    outputs = observed(network, images)

    found = ForwardPass(own, targets)(images)

    for row, target in enumerate(targets):
        rows = ForwardPass(own, targets).rows(target)
        expected = outputs[own.steps[target].layer][row]
        torch.testing.assert_close(found[target][rows.index(row)], expected)
    assert ForwardPass(own, targets).rows(targets[0]) == [0]


def test_fewer_rows_than_the_batch_and_any_order_are_served():
    own = program(squeezed())
    layers = ["0", "2.left", "2.right_activation", "4", "2"]
    images = noise(5)
    outputs = observed(squeezed(), images)
    forward = ForwardPass(own, [own.index(layer) for layer in layers])
    found = forward(images[:4])
    for row, layer in enumerate(layers[:4]):
        place = own.index(layer)
        own_rows = [other for other in forward.rows(place) if other < 4]
        assert torch.equal(found[place][own_rows.index(row)], outputs[layer][row])
    assert own.index("2") not in found or len(found[own.index("2")]) == 1


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_class_scores_are_the_logits_or_the_mean_before_their_relu(make):
    network, images = make(bias=-0.4) if make is squeezed else make(), noise(3)
    outcome = ClassScore(program(network), 2, 3)(images)
    logits = network(images.clone())
    layer = "4" if make is squeezed else "7"
    before = observed(network, images)[layer]
    expected = before.mean((2, 3)) if before.dim() == 4 else before
    torch.testing.assert_close(outcome.curves["score"], expected[:, 2])
    torch.testing.assert_close(outcome.losses, -expected[:, 2])
    torch.testing.assert_close(outcome.curves["probability"], logits.softmax(1)[:, 2])


def test_the_file_can_say_what_is_maximised():
    words = "spatial mean of the class convolution before its ReLU"
    assert score_description(program(squeezed())) == {"layer": "4", "what": words}
    assert score_description(program(toy()))["what"] == "class score before softmax"
    assert program(squeezed()).steps[score_place(program(squeezed()))].layer == "4"


def test_a_class_that_its_relu_silences_still_has_a_gradient():
    network, images = squeezed(bias=-50.0), noise(1).requires_grad_()
    assert not network(images.clone())[:, 1].any()
    outcome = ClassScore(program(network), 1, 1)(images)
    (gradient,) = torch.autograd.grad(outcome.losses.sum(), images)
    assert gradient.any()


def objectives(own):
    codes = [
        torch.zeros(6, *SIZE, dtype=torch.float64) + 0.3,
        noise(1, (5, 4))[0, 0, 0].new_ones(4),
    ]
    return {
        "class": ClassScore(own, 1, 2),
        "unit": UnitValue(own, "3", 5, (2, 1), 2),
        "channel": UnitValue(own, "3", 5, None, 2),
        "vector": UnitValue(own, "7", 2, None, 2),
        "code": FeatureCode(own, ["0", "7"], codes),
    }


@pytest.mark.parametrize("name", ["class", "unit", "channel", "vector", "code"])
def test_objectives_pass_finite_differences(name):
    objective = objectives(softened(toy()))[name]
    images = noise(2).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: objective(x).losses, images, eps=1e-6, atol=1e-7, fast_mode=True
    )


def test_units_and_channels_are_what_the_layer_gives():
    network, images = toy(), noise(2)
    maps = observed(network, images)["3"]
    unit, channel = (UnitValue(program(network), "3", 5, at, 2)(images) for at in ((2, 1), None))
    torch.testing.assert_close(unit.curves["score"], maps[:, 5, 2, 1])
    torch.testing.assert_close(channel.curves["score"], maps[:, 5].mean((1, 2)))


def test_a_codes_error_is_the_squared_ratio_of_the_paper():
    network, images = toy(), noise(3)
    outputs = observed(network, images)
    layers = ["7", "3", "0"]
    codes = [outputs[layer][0] for layer in layers]
    found = FeatureCode(program(network), layers, codes)(images).curves["error"].numpy()
    expected = [
        ((outputs[layer][row] - code) ** 2).sum() / (code**2).sum()
        for row, (layer, code) in enumerate(zip(layers, codes, strict=True))
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found[0] == 0


def test_what_cannot_be_an_objective_is_refused_by_layer():
    own = program(toy())
    with pytest.raises(UserError, match="layer 3: it cannot be inverted"):
        FeatureCode(own, ["3"], [torch.zeros(8, 6, 5, dtype=torch.float64)])
    with pytest.raises(UserError, match="no such layer"):
        FeatureCode(own, ["conv9"], [torch.ones(1)])
    with pytest.raises(UserError, match="no unit at channel 8"):
        UnitValue(own, "3", 8, None, 1)(noise(1))

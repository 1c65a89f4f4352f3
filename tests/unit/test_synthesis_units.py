"""One step in 0..255 units and one in ours give the same image; published weights are the same."""

import numpy as np
import pytest
import torch

from convscope.synthesis.objectives import ClassScore, FeatureCode, Outcome
from convscope.synthesis.parametrisations import Metric, colour_matrix, hartley
from convscope.synthesis.presets import INVERSION, LADDER
from convscope.synthesis.settings import at_depth
from convscope.synthesis.units import (
    AVERAGE_NORM,
    MEAN_SQUARE,
    alpha_weight,
    input_rates,
    norm_rate,
    pixel_rate,
    variation_weight,
)
from synthesis_toys import MEAN, SIZE, STD, canvas, program, row, synthesis, toy

CENTRE, SPREAD = (torch.tensor(values, dtype=torch.float64).view(3, 1, 1) for values in (MEAN, STD))
POLICIES = {
    "constant": {"rate": 1e5},
    "progress": {"rate_policy": "progress", "rate": 1e8, "gain": 2.0},
    "limited": {"rate_policy": "progress", "rate": 3e4, "gain": 2.0},
    "length": {"rate_policy": "length", "rate": 2.5},
    "decay": {"rate": 1e5, "decay": 0.3},
}


def levels_step(network, levels, settings):
    """Return levels less their mean after one step as Yosinski et al.'s code does it."""
    levels = levels.clone().requires_grad_()
    score = network(levels[None] / 255 / SPREAD)[0, 0]
    (gradient,) = torch.autograd.grad(score, levels)
    rate = settings["rate"]
    if settings["rate_policy"] == "progress":
        rate = min(rate, settings["gain"] / gradient.norm().item() ** 2)
    if settings["rate_policy"] == "length":
        rate = rate / gradient.square().mean().sqrt().item()
    return (levels + rate * gradient).detach() * (1 - settings["decay"])


@pytest.mark.parametrize("change", POLICIES.values(), ids=POLICIES)
def test_one_step_in_levels_and_one_in_ours_give_the_same_image(change):
    network = toy()
    own = row(iterations=1, **change)
    run = synthesis(ClassScore(program(network), 0, 1), [own])
    levels = 255 * run.state.images[0]
    expected = levels_step(network, levels, own.settings) / 255 + CENTRE
    found = canvas().rgb(run.run().images[0])
    assert (found - expected).abs().max() < 1e-10
    assert (found - (levels / 255 + CENTRE)).abs().max() > 1e-6


def test_the_rate_of_the_networks_input_is_by_channel():
    network, inputs = toy(), torch.randn(1, 3, *SIZE, dtype=torch.float64).requires_grad_()
    (gradient,) = torch.autograd.grad(network(inputs)[0, 0], inputs)
    rates = torch.tensor(input_rates(100.0, STD), dtype=torch.float64).view(3, 1, 1)
    assert input_rates(100.0, STD)[1] == 100 / (255 * STD[1]) ** 2
    by_input = inputs + rates * gradient
    # The same step of pixels: their gradient is the input's over the standard deviation.
    by_pixels = inputs * SPREAD + pixel_rate(100.0) * gradient / SPREAD
    assert (by_input * SPREAD - by_pixels).abs().max() < 1e-15


def test_published_weights_are_what_the_paper_states_for_images_of_norm_one():
    assert alpha_weight(8e-10, 6) == pytest.approx(
        2.157e8 * 255**6 / AVERAGE_NORM**6 * (3 * 227**2), rel=1e-3
    )
    assert variation_weight(100, 2) == pytest.approx(
        50 * 255**2 / AVERAGE_NORM**2 * (3 * 227**2), rel=1e-6
    )
    assert pytest.approx(68.9, abs=0.05) == MEAN_SQUARE**0.5


def test_an_inversions_step_is_deep_goggles():
    """For x of norm one: x -= rate * gradient of |Phi(sigma x) - Phi0|^2/|Phi0|^2 and the prior."""
    network, values = toy(), 3 * SIZE[0] * SIZE[1]
    sigma = (MEAN_SQUARE * values) ** 0.5
    code = torch.ones(4, dtype=torch.float64)
    settings = at_depth(INVERSION["mahendran_vedaldi"], 0.6)
    run = synthesis(
        FeatureCode(program(network), ["7"], [code]),
        [row(**{**settings, "iterations": 1, "schedule": [[1.0, 1.0]]})],
    )
    x = (255 * run.state.images / sigma).clone().requires_grad_()
    error = (network(sigma * x / 255 / SPREAD)[0] - code).square().sum() / code.square().sum()
    down = torch.diff(x, dim=2, append=x[:, :, -1:])
    right = torch.diff(x, dim=3, append=x[..., -1:])
    prior = 4e-10 * sigma**4 * x.pow(6).sum() + 10 / 2 * (down**2 + right**2).sum()
    (gradient,) = torch.autograd.grad(error + prior, x)
    expected = (x - 0.004 * gradient).detach() * sigma / 255
    assert settings["total_variation"] == 10
    assert norm_rate(0.004, values) == pytest.approx(0.004 * (sigma / 255) ** 2)
    torch.testing.assert_close(run.run().images, expected, rtol=0, atol=1e-10)


def test_fourier_steps_are_steps_of_decorrelated_coefficients():
    metric = Metric(["pixels", "fourier"], SIZE, "cpu", torch.float64)
    values, others = torch.randn(2, 2, 3, *SIZE, dtype=torch.float64)
    images = metric.to_images(values)
    assert torch.equal(images[0], values[0])
    # The pull of a gradient is the transpose of the push of a step.
    pulled = metric.to_parameters(others)
    np.testing.assert_allclose((images * others).sum(), (values * pulled).sum(), rtol=1e-12)
    torch.testing.assert_close(hartley(hartley(values)), values)
    spectrum = torch.fft.fft2(images[1]).abs().square().sum(0)
    assert spectrum[0, 1] + spectrum[1, 0] > 5 * spectrum[SIZE[0] // 2, SIZE[1] // 2]
    assert colour_matrix().det().abs() > 1e-3
    assert colour_matrix().square().sum() == pytest.approx(3)


class Ridge:
    """A score that falls steeply on both sides of a line and rises slowly along it."""

    curves = ("score",)

    def __call__(self, inputs):
        along, across, _ = inputs.mean((2, 3)).unbind(1)
        scores = along - 30 * across.abs()
        return Outcome(-scores, {"score": scores.detach()})


def test_the_ladders_momentum_keeps_steps_of_one_length_on_the_ridge():
    ladder = {key: LADDER["ladder_e"][key] for key in ("rate_policy", "rate", "momentum")}
    plain = {**ladder, "momentum": 0.0, "rate": ladder["rate"] / (1 - ladder["momentum"])}
    spread, end = {}, {}
    for name, settings in (("ladder", ladder), ("plain", plain)):
        scores = synthesis(Ridge(), [row(iterations=60, **settings)]).run().curves["score"][0]
        spread[name], end[name] = scores[-15:].std().item(), scores[-15:].mean().item()
    assert spread["ladder"] < spread["plain"] / 3
    assert end["ladder"] > end["plain"]

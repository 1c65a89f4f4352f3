"""Plain batches, the choice of method, coarse to fine, accuracy in float32, and bad days."""

import logging

import numpy as np
import pytest
import torch
from torch import nn

from convscope.errors import UserError
from convscope.occlusion import engines, exact
from convscope.occlusion.coarse import Refinement
from convscope.occlusion.engines import Engines
from convscope.occlusion.grid import Grid
from convscope.occlusion.occlude import Method, Occlusion
from convscope.occlusion.occluders import occluder_of
from convscope.predictions.scores import softmax
from occlusion_toys import (
    MEAN,
    STD,
    Net,
    inputs,
    plainly,
    random_network,
    settled,
    sharpened,
)

SIZE = (44, 40)


def toy(dtype=torch.float64, channels=6):
    torch.manual_seed(5)
    relu = nn.ReLU(inplace=True)
    parts = [nn.Conv2d(3, channels, 3, padding=1), relu, nn.MaxPool2d(2)]
    parts += [nn.Conv2d(channels, channels, 3, padding=1), relu, nn.MaxPool2d(2)]
    return settled(Net(parts, SIZE), dtype)


def pixels(size=SIZE, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (3, *size), dtype=np.uint8)


def occlusion(network=None, method="auto", entry=None, **options):
    occluder = occluder_of({"name": "a", "patch": 12, "stride": 4} | (entry or {}), SIZE)
    network = toy() if network is None else network
    return Occlusion(
        network, occluder, mean=MEAN, std=STD, method=method, image_size=SIZE, **options
    )


@pytest.mark.parametrize("fill", ["black", "grey", "mean", "image_mean", "blur", "noise"])
def test_both_engines_agree_in_every_map(fill):
    first, second = (
        occlusion(method=method, entry={"fill": fill}, batch_size=7).maps(pixels(), 3)
        for method in ("exact", "plain")
    )
    assert (first.method, second.method) == ("exact", "plain")
    for name in ("logits", "probabilities", "margin", "activity"):
        scale = np.abs(getattr(second, name)).max()
        assert np.abs(getattr(first, name) - getattr(second, name)).max() <= 1e-10 * scale
    assert np.array_equal(first.class_map, second.class_map)
    assert first.channel == second.channel
    assert first.clean_activity == pytest.approx(second.clean_activity, rel=1e-12)
    assert first.positions_evaluated == second.positions_evaluated == 9 * 8


def test_the_maps_are_those_of_an_obvious_loop():
    network, image = toy(), pixels()
    maps = occlusion(network, entry={"fill": "grey"}).maps(image, 3)
    shape = (1, 3, 1, 1)
    mean, std = (torch.tensor(v, dtype=torch.float64).view(shape) for v in (MEAN, STD))
    clean = (torch.from_numpy(image).double()[None] / 255 - mean) / std
    fill = (torch.full_like(clean, 128 / 255) - mean) / std
    logits = plainly(network, maps.grid, maps.grid.positions(), clean, fill)
    probabilities = softmax(logits)
    top = int(network(clean)[0].argmax())

    assert maps.top == top
    assert np.abs(maps.logits[0].ravel() - logits[:, 3]).max() < 1e-10
    assert np.abs(maps.probabilities[1].ravel() - probabilities[:, top]).max() < 1e-10
    assert np.array_equal(maps.class_map.ravel(), logits.argmax(1))
    ordered = np.sort(probabilities, 1)
    assert np.abs(maps.margin.ravel() - (ordered[:, -1] - ordered[:, -2])).max() < 1e-10
    assert maps.clean_logits == pytest.approx(network(clean)[0, [3, top]].tolist())

    relu = network.features[:5](clean)[0]
    channel = int(relu.sum((1, 2)).argmax())
    assert maps.channel == channel
    row, column = 4, 6
    image = clean.clone()
    image[:, :, 16:28, 24:36] = fill[:, :, 16:28, 24:36]
    expected = float(network.features[:5](image)[0, channel].sum())
    assert maps.activity[row, column] == pytest.approx(expected)


@pytest.mark.parametrize("architecture", ["alexnet", "squeezenet1_0", "vgg16"])
def test_float32_stays_within_the_budget_of_errors(architecture):
    size = (224, 224) if architecture == "alexnet" else (80, 80)
    clean, fill = inputs(size, torch.float32)
    single = sharpened(random_network(architecture), clean)
    assert 0.3 < float(single(clean).softmax(1).max()) < 0.9
    grid = Grid(size, (30, 30), (7, 7))
    positions = grid.positions()[:: 1 + len(grid.positions()) // 5]
    engine = Engines(single, grid).exact(positions, clean)
    run = engine.begin(clean, fill)
    for chunk in engine.chunks:
        engine.advance(run, chunk)
    found = engine.finish(run).logits
    plain = plainly(single, grid, positions, clean, fill)
    exactly = plainly(single.double(), grid, positions, clean.double(), fill.double())

    errors = [np.abs(softmax(logits) - softmax(exactly)).max() for logits in (found, plain)]
    assert errors[0] <= 1e-5
    assert errors[0] <= 5 * errors[1] + 1e-7
    assert np.ptp(softmax(exactly), 0).max() > 1e-3
    ordered = np.sort(softmax(exactly), 1)
    clear = ordered[:, -1] - ordered[:, -2] >= 2e-5
    assert np.array_equal(found.argmax(1)[clear], exactly.argmax(1)[clear])


def wide_network(dtype=torch.float32):
    torch.manual_seed(6)
    relu = nn.ReLU()
    parts = [nn.Conv2d(3, 128, 3), relu, nn.Conv2d(128, 128, 3, padding=1), relu]
    parts += [nn.Conv2d(128, 192, 3, padding=1), relu, nn.Conv2d(192, 64, 3, 2), relu]
    return settled(Net(parts, SIZE), dtype)


def test_fast_convolutions_are_chosen_by_cost_and_refused_for_their_errors(monkeypatch):
    network, clean = wide_network(), inputs(SIZE, torch.float32)[0]
    grid = Grid(SIZE, (14, 14), (2, 2))

    def chosen(network=network, clean=clean):
        made = Engines(network, grid)
        engine = made.exact(grid.positions(), clean)
        return {made.graph.nodes[place].step.place for place in engine.plan.fast}

    assert chosen() == {"features.2", "features.4"}
    assert not chosen(wide_network(torch.float64), clean.double())
    ratios = iter([3.1, 2.9])
    monkeypatch.setattr(engines, "error_ratio", lambda *_: next(ratios))
    assert chosen() == {"features.4"}


def test_auto_takes_the_cheaper_engine_by_counted_operations():
    network = random_network("alexnet")
    many = Grid((224, 224), (50, 50), (5, 5))
    counted = Engines(network, many).operations(many.positions())
    convolutions, linear = 655_566_528, 9216 * 4096 + 4096 * 4096 + 4096 * 10
    assert counted.plain == 1226 * (convolutions + linear)
    assert 2.0 < counted.plain / counted.exact < 3.0
    assert Engines(network, many).choose(many.positions()) == "exact"
    whole = Grid((224, 224), (224, 224), (1, 1))
    counted = Engines(network, whole).operations(whole.positions())
    assert counted.exact == counted.plain
    few = random_network("squeezenet1_0")
    assert Engines(few, whole).choose(whole.positions()) == "plain"


def test_coarse_to_fine_computes_where_the_score_drops_most():
    network = toy()
    method = Method("coarse_to_fine", Refinement(every=3, share=0.25), compare=True)
    refined, full = (
        occlusion(network, m, {"stride": 2}).maps(pixels(), 1) for m in (method, "exact")
    )
    cells = full.class_map.size
    assert 0.25 * cells < refined.positions_evaluated < 0.6 * cells
    known = refined.evaluated
    assert known[::3, ::3].all()
    assert known[-1, -1]
    for name in ("probabilities", "logits"):
        difference = np.abs(getattr(refined, name) - getattr(full, name))
        assert difference[:, known].max() < 1e-10
        assert difference[:, ~known].max() > 0
    assert np.array_equal(refined.class_map[known], full.class_map[known])
    assert (refined.class_map >= 0).all()
    largest = np.abs(refined.probabilities[0] - full.probabilities[0]).max()
    assert refined.comparison.largest_error == pytest.approx(largest)
    assert 0.5 < refined.comparison.ssim <= 1
    # The deepest cells are among those computed.
    assert known.ravel()[np.argsort(full.probabilities[0], axis=None)[:10]].mean() > 0.5
    assert any("were computed" in remark for remark in refined.remarks())
    everything = Method("coarse_to_fine", Refinement(every=1, share=0))
    whole = occlusion(network, everything, {"stride": 2}).maps(pixels(), None)
    assert whole.positions_evaluated == cells


@pytest.mark.parametrize(
    "method",
    [Method("exact"), Method("plain"), Method("coarse_to_fine", compare=True)],
    ids=lambda method: method.name,
)
def test_progress_counts_every_position(method):
    sliding = occlusion(method=method)
    assert sum(1 for _ in sliding.steps(pixels(), 0)) == sliding.positions


@pytest.mark.parametrize("method", ["exact", "plain"])
def test_memory_that_does_not_suffice_shrinks_the_batch(method, monkeypatch, caplog):
    network = toy()
    expected = occlusion(network, "plain").maps(pixels(), 2)
    kind = exact.ExactEngine if method == "exact" else engines.PlainEngine
    advance, failures = kind.advance, [2]

    def failing(self, run, chunk):
        if failures[0] and chunk[0]:
            failures[0] -= 1
            raise torch.OutOfMemoryError("CUDA out of memory")
        advance(self, run, chunk)

    monkeypatch.setattr(kind, "advance", failing)
    sliding = occlusion(network, method, memory=100_000, batch_size=8)
    monkeypatch.setattr(engines, "LEAST_MEMORY", 1000)
    with caplog.at_level(logging.WARNING):
        found = list(sliding.steps(pixels(), 2))
        maps = sliding.maps(pixels(), 2)
    assert len(found) == sliding.positions
    assert np.abs(maps.logits - expected.logits).max() < 1e-10
    assert caplog.text.count("out of memory; starting again") == 2
    assert sliding.engines.memory == 25_000
    assert sliding.engines.batch_size == 2


def test_memory_for_not_even_one_position_is_an_error(monkeypatch):
    def failing(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 10 bytes")

    monkeypatch.setattr(exact.ExactEngine, "begin", failing)
    with pytest.raises(UserError, match="does not suffice for one position"):
        occlusion(method="exact").maps(pixels(), 0)
    monkeypatch.setattr(exact.ExactEngine, "begin", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        occlusion(method="exact").maps(pixels(), 0)


def test_bad_requests_are_refused():
    network = toy()
    with pytest.raises(UserError, match=r"label: the network has no class 6.*0 to 5"):
        occlusion(network).maps(pixels(), 6)
    with pytest.raises(UserError, match="no class -1"):
        occlusion(network).maps(pixels(), -1)
    with pytest.raises(UserError, match="unknown method 'fast'"):
        occlusion(network, "fast")
    with pytest.raises(UserError, match="refine nothing"):
        Refinement(every=0)
    with pytest.raises(ValueError, match="expected uint8"):
        occlusion(network).maps(pixels((44, 41)), 0)
    with torch.no_grad():
        network.features[0].bias[0] = float("nan")
    for method in ("exact", "plain"):
        with pytest.raises(UserError, match="NaN or infinity"):
            occlusion(network, method).maps(pixels(), 0)

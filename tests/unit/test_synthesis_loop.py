"""The loop: seeds, batches, resuming, silent starts, NaN, memory, optimisers."""

import gc
import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from convscope.errors import UserError
from convscope.synthesis.batches import batches_within
from convscope.synthesis.checkpoints import Checkpoint
from convscope.synthesis.loop import Synthesis
from convscope.synthesis.objectives import ClassScore, Outcome
from convscope.synthesis.state import noise_seed
from synthesis_toys import STD, canvas, noise, program, row, squeezed, synthesis, toy

STEPS = {"rate_policy": "length", "rate": 2.0, "iterations": 7}
ROWS = {
    "plain": {**STEPS},
    "blurred": {**STEPS, "decay": 0.02, "blur_sigma": 0.8, "blur_every": 2, "clip": True},
    "momentum": {**STEPS, "momentum": 0.9, "schedule": [[0.5, 1.0], [0.5, 0.1]], "jitter": 2},
    "adam": {"optimiser": "adam", "rate": 3.0, "iterations": 7, "total_variation": 0.1},
    "fourier": {**STEPS, "parametrisation": "fourier", "small_norm_percentile": 20.0},
    "short": {**STEPS, "iterations": 3},
}


def rows(**changes):
    return [row(name, **{**settings, **changes}) for name, settings in ROWS.items()]


def class_run(own=None, dtype=torch.float64, **options):
    own = rows() if own is None else own
    return synthesis(ClassScore(program(toy(dtype=dtype)), 1, len(own)), own, dtype, **options)


def assert_same(found, expected):
    for name, values in expected.tensors().items():
        torch.testing.assert_close(
            found.tensors()[name], values, rtol=0, atol=0, equal_nan=True, msg=name
        )


def test_the_same_seed_gives_the_same_images_whatever_was_drawn_before():
    first = class_run(snapshots=[0, 5]).run()
    torch.manual_seed(99)
    assert_same(class_run(snapshots=[0, 5]).run(), first)
    assert len({image.sum().item() for image in first.images}) == len(ROWS)
    assert noise_seed({"seed": 0, "class": 1}, 0) != noise_seed({"seed": 0, "class": 1}, 1)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_in_a_batch_is_the_row_alone(name):
    together = class_run().run()
    alone = class_run([row(name, **ROWS[name])]).run()
    number = list(ROWS).index(name)
    length = ROWS[name]["iterations"] + 1
    for field in ("images", "best"):
        found, expected = getattr(together, field)[number], getattr(alone, field)[0]
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)
    for curve, values in alone.curves.items():
        torch.testing.assert_close(
            together.curves[curve][number, :length], values[0], rtol=0, atol=1e-9
        )
    assert together.curves["score"][number, length:].isnan().all()


def test_scores_rise_and_the_best_is_the_one_with_the_highest():
    state = class_run().run()
    for number, name in enumerate(ROWS):
        curve = state.curves["score"][number]
        curve = curve[~curve.isnan()]
        assert curve[-1] > curve[0], name
        if name != "adam":
            assert state.merits[number] == curve.max()
            assert state.best_at[number] == int(curve.argmax())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("killed_at", [0, 4, 7])
def test_a_killed_run_goes_on_to_the_same_bits(tmp_path, monkeypatch, killed_at, dtype):
    undisturbed = class_run(dtype=dtype, snapshots=[2, 6]).run()

    def kill(state):
        if state.iteration > killed_at:
            raise KeyboardInterrupt
        return "on its way"

    # On a terminal the note is asked for after every iteration.
    monkeypatch.setattr("convscope.progress.sys.stderr.isatty", lambda: True)
    killed = class_run(dtype=dtype, snapshots=[2, 6])
    with pytest.raises(KeyboardInterrupt):
        killed.run(Checkpoint(tmp_path / "run", "abc", seconds=0), note=kill)
    again = class_run(dtype=dtype, snapshots=[2, 6])
    assert Checkpoint(tmp_path / "run", "abc").restore(again.state)
    assert again.state.iteration == killed_at + 1
    resumed = class_run(dtype=dtype, snapshots=[2, 6])
    assert_same(resumed.run(Checkpoint(tmp_path / "run", "abc")), undisturbed)


def test_a_checkpoint_of_something_else_is_ignored(tmp_path, caplog):
    checkpoint = Checkpoint(tmp_path / "run", "abc", seconds=0)
    run = class_run()
    next(run.iterate(checkpoint))
    assert not Checkpoint(tmp_path / "run", "other").restore(class_run().state)
    renamed = Checkpoint(tmp_path / "run", "other")
    checkpoint.path.rename(renamed.path)
    fewer = class_run(rows()[:3])
    for digest, state in (("other", class_run().state), ("abc", fewer.state)):
        before = {name: values.clone() for name, values in state.tensors().items()}
        assert not Checkpoint(tmp_path / "run", digest).restore(state)
        for name, values in state.tensors().items():
            assert torch.equal(values.nan_to_num(), before[name].nan_to_num())
        if digest == "other":
            assert "belongs to another run" in caplog.text
            renamed.path.rename(checkpoint.path)
    assert "missing or of another shape" in caplog.text
    checkpoint.path.write_bytes(b"half")
    assert not checkpoint.restore(class_run().state)


def test_checkpoints_are_removed_with_those_of_earlier_settings(tmp_path):
    for digest in ("old", "new"):
        Checkpoint(tmp_path / "run", digest).keep(class_run().state, last=True)
    Checkpoint(tmp_path / "other", "old").keep(class_run().state, last=True)
    Checkpoint(tmp_path / "run", "new").remove()
    assert [path.name for path in tmp_path.iterdir()] == ["other.old.safetensors"]


class Planted:
    """A score that some starts silence, or that turns NaN."""

    curves = ("score",)

    def __init__(self, silent=0, nan_at=None):
        self.calls, self.silent, self.nan_at = 0, silent, nan_at

    def __call__(self, inputs):
        self.calls += 1
        scores = inputs.flatten(1).sum(1)
        if self.calls <= self.silent:
            scores = scores * torch.tensor([1.0, 0.0], dtype=scores.dtype)[: len(scores)]
        if self.nan_at is not None and self.calls > self.nan_at:
            scores = scores * torch.tensor([1.0, torch.nan], dtype=scores.dtype)[: len(scores)]
        return Outcome(-scores, {"score": scores.detach()})


def two():
    return [row("first", **STEPS), row("second", **STEPS)]


def test_a_silent_start_is_said_and_tried_again_with_a_derived_seed(caplog):
    run = synthesis(Planted(silent=2), two())
    first, second = run.state.images.clone()
    started = []
    for _ in run.iterate():
        started.append(run.state.images.clone())
        break
    assert run.state.attempts == [0, 2]
    assert "preset second: the first gradient is zero" in caplog.text
    assert run.state.merits[1] == run.state.curves["score"][1, 0]
    assert run.state.generators[1].initial_seed() == noise_seed(two()[1].key, 2)
    again = synthesis(Planted(silent=2), two())
    next(again.iterate())
    assert torch.equal(again.state.images, started[0])
    # The step of a plain sum is the same everywhere: it shows what the start was.
    for start, moved, same in ((first, started[0][0], True), (second, started[0][1], False)):
        step = (moved - start).flatten(1)
        assert (step.std(1).max() < 1e-12) == same


def test_another_rows_silent_start_does_not_change_a_jittered_row():
    own = [row("first", **STEPS, jitter=3), row("second", **STEPS, jitter=3)]
    found = synthesis(Planted(silent=1), own).run()
    healthy = synthesis(Planted(), own).run()
    assert torch.equal(found.generators[0].get_state(), healthy.generators[0].get_state())
    assert torch.equal(found.images[0], healthy.images[0])


def test_a_gradient_that_stays_zero_is_refused_by_name():
    with pytest.raises(UserError, match=r"preset second.*zero for 10 different starts"):
        synthesis(Planted(silent=99), two()).run()


def test_nan_stops_its_row_alone_names_it_and_keeps_the_best(caplog):
    state = synthesis(Planted(nan_at=3), two()).run()
    healthy = synthesis(Planted(), two()).run()
    assert "preset second: NaN or infinity at iteration 3; its best image is kept" in caplog.text
    assert state.stopped == [-1, 3]
    assert torch.equal(state.images[0], healthy.images[0])
    assert state.images.isfinite().all()
    assert torch.equal(state.images[1], state.best[1])
    assert state.best_at[1] == 2
    assert state.curves["score"][1, 3:].isnan().all()
    assert state.curves["score"][1, 2] == healthy.curves["score"][1, 2]


def test_a_first_value_that_is_nan_is_refused():
    with pytest.raises(UserError, match="the very first value is NaN"):
        synthesis(Planted(nan_at=0), two()).run()


def test_a_rate_that_diverges_stops_with_its_best():
    own = [row("wild", rate=1e12, iterations=30, momentum=0.9, alpha_norm=1.0)]
    state = class_run(own, dtype=torch.float32).run()
    assert state.stopped[0] > 0
    assert state.best.isfinite().all()


def test_no_tensor_outlives_its_iteration():
    counts = []
    run = class_run(rows(iterations=30), dtype=torch.float32)
    for number in run.iterate():
        if number in (10, 29):
            gc.collect()
            tensors = [item for item in gc.get_objects() if issubclass(type(item), torch.Tensor)]
            counts.append((len(tensors), sum(tensor.nbytes for tensor in tensors)))
    assert counts[0] == counts[1]


def test_adam_and_momentum_are_torchs():
    for name, make in (
        ("adam", lambda p: torch.optim.Adam([p], lr=3.0 / 255)),
        ("sgd", lambda p: torch.optim.SGD([p], lr=1e5 / 255**2, momentum=0.9)),
    ):
        own = {"adam": {"optimiser": "adam", "rate": 3.0}, "sgd": {"rate": 1e5, "momentum": 0.9}}
        run = class_run([row(name, iterations=6, **own[name])])
        leaf = run.state.images.clone().requires_grad_()
        optimiser = make(leaf)
        spread = torch.tensor(STD, dtype=torch.float64).view(3, 1, 1)
        for _ in range(6):
            optimiser.zero_grad()
            (-toy()(leaf / spread)[:, 1].sum()).backward()
            optimiser.step()
        torch.testing.assert_close(run.run().images, leaf.detach(), rtol=0, atol=1e-12)


def test_iterations_are_said_with_the_score(caplog):
    caplog.set_level(logging.INFO)
    class_run().run(note=lambda state: f"at {state.iteration}")
    assert "8 of 8 iterations, 0 s left, at 8" in caplog.text


def test_rows_are_cut_into_batches_that_fit():
    own = [row(iterations=count) for count in (5, 9, 5, 7, 7)]
    assert batches_within(own, [1] * 5, 12) == [[1, 3, 4, 0, 2]]
    assert batches_within(own, [1] * 5, 2) == [[1, 0], [3, 2], [4]]
    assert batches_within(own, [3, 1, 1, 9, 1], 4, [4, 3, 2, 1, 0]) == [[4], [3], [1, 2], [0]]
    with pytest.raises(ValueError, match="more iterations come first"):
        class_run([own[0], own[1]])


def test_squeezed_classes_rise_from_behind_their_relu():
    own = [row(**STEPS)]
    objective = ClassScore(program(squeezed(bias=-0.5)), 2, 1)
    state = synthesis(objective, own).run()
    assert not squeezed(bias=-0.5)(noise(1))[:, 2].any()
    assert np.diff(state.curves["score"][0]).min() > 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_gpu_gives_the_same_images_within_rounding():
    found = []
    for device in ("cpu", "cuda"):
        own = rows()
        objective = ClassScore(program(toy().to(device)), 1, len(own))
        run = Synthesis(objective, own, replace(canvas(), device=device), [3])
        found.append(run.run())
    torch.testing.assert_close(found[1].images.cpu(), found[0].images, rtol=0, atol=1e-9)
    torch.testing.assert_close(found[1].snapshots, found[0].snapshots, rtol=0, atol=1e-9)
    torch.testing.assert_close(
        found[1].curves["score"], found[0].curves["score"], rtol=0, atol=1e-9, equal_nan=True
    )

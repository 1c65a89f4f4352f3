"""Files of maximised classes: equal bytes, killed and resumed, judged by their own and others."""

import hashlib

import numpy as np
import pytest
import torch

from convscope.classes.lists import ClassList
from convscope.hdf5 import attribute, reading
from convscope.predictions.scores import softmax
from convscope.synthesis import maximise
from convscope.synthesis.batches import Resuming
from convscope.synthesis.judge import judge_maximisation, logits_of, same_class
from convscope.synthesis.maximise import NamedClass, maximise_class
from convscope.synthesis.measures import psnr, relative_variation, shown_pixels
from convscope.synthesis.settings import preset_settings
from convscope.synthesis.storage import MAXIMISATION, read_maximisation
from convscope.synthesis.transfer import Transfer
from synthesis_toys import MEAN, STD, squeezed, toy

SIZE = (20, 16)
CPU = torch.device("cpu")
PRESETS = {
    "ladder_a": preset_settings("ladder_a", iterations=6),
    "ladder_f": preset_settings("ladder_f", iterations=6),
    "yosinski_4": preset_settings("yosinski_4", iterations=4),
}
CLASSES = ClassList("toys", ("disc", "star", "heart", "cross"), ("", "n1", "", ""))
TRANSFORM = {"mean": MEAN, "std": STD}


def make(path, network=None, **options):
    maximise_class(
        network or toy(dtype=torch.float32),
        path,
        target=NamedClass(1, "star", "n1"),
        presets=PRESETS,
        seeds=[0, 5],
        device=CPU,
        snapshots=[0, 3],
        attributes={"network": {"weights_sha256": "a" * 64}, "packages": {"torch": "1"}},
        size=SIZE,
        **TRANSFORM,
        **options,
    )
    return read_maximisation(path)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("made") / "m.h5")


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_holds_images_curves_and_settings(made):
    pairs = [(row["preset"], row["seed"]) for row in made.rows]
    assert pairs == [(preset, seed) for preset in PRESETS for seed in (0, 5)]
    assert made.presets == PRESETS
    assert (made.class_index, made.class_name, made.class_wnid) == (1, "star", "n1")
    assert made.objective["what"] == "class score before softmax"
    assert made.shown.shape == (6, 3, *SIZE)
    assert made.shown.dtype == np.uint8
    assert made.snapshots.shape == (2, 6, 3, *SIZE)
    assert made.score.shape == made.probability.shape == (6, 7)
    assert np.isnan(made.score).sum() == 2 * 2
    assert np.isfinite(made.score[:, :5]).all()
    for row, own in enumerate(made.rows):
        assert own["stopped"] is None
        best = int(np.nanargmax(made.score[row]))
        expected = best if own["preset"] == "yosinski_4" else own["iterations"]
        assert own["shown_at"] == expected
    assert made.place("ladder_f", 5) == 3
    assert made.place("ladder_f", 6) is None
    assert made.final_score(4) == made.score[4, 4]


def test_what_is_shown_is_judged_as_it_is_shown(made, tmp_path):
    network = toy(dtype=torch.float32)
    logits = logits_of(network, made.shown, device=CPU, **TRANSFORM)
    rgb = torch.from_numpy(made.shown).double() / 255
    inputs = (rgb - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    expected = toy()(inputs).numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    np.testing.assert_allclose(made.shown_probability, softmax(expected)[:, 1], atol=1e-6)
    np.testing.assert_array_equal(made.shown_class, expected.argmax(1))
    # The last image is within rounding of what is shown, where it lies in the valid range.
    inside = made.probability[2:4, 6] - made.shown_probability[2:4]
    assert np.abs(inside).max() < 1e-2


def test_equal_arguments_give_equal_bytes(made, tmp_path):
    make(tmp_path / "one.h5")
    torch.manual_seed(3)
    make(tmp_path / "two.h5")
    assert sha256(tmp_path / "one.h5") == sha256(tmp_path / "two.h5")


def test_the_float_images_are_kept_unclipped(tmp_path):
    make(tmp_path / "m.h5")
    with reading(tmp_path / "m.h5", MAXIMISATION) as file:
        last, best = file["last"][...], file["best"][...]
        assert attribute(file, "transform") == {"mean": list(MEAN), "std": list(STD)}
        assert attribute(file, "packages") == {"torch": "1"}
        variation = file["variation"][...]
    found = read_maximisation(tmp_path / "m.h5")
    np.testing.assert_array_equal(found.shown[:4], shown_pixels(last[:4]))
    np.testing.assert_array_equal(found.shown[4:], shown_pixels(best[4:]))
    np.testing.assert_allclose(variation, relative_variation(last))
    assert np.isfinite(last).all()


@pytest.mark.parametrize("rows_at_once", [12, 2])
def test_a_killed_job_goes_on_and_ends_with_the_same_bytes(tmp_path, monkeypatch, rows_at_once):
    make(tmp_path / "whole.h5", rows_at_once=rows_at_once)
    resuming = Resuming(tmp_path / "checkpoints/star", "abc", seconds=0)
    calls = []

    def kill(state):
        calls.append(state.iteration)
        if len(calls) == 9 or (rows_at_once == 12 and len(calls) == 4):
            raise KeyboardInterrupt
        return ""

    monkeypatch.setattr("convscope.progress.sys.stderr.isatty", lambda: True)
    with monkeypatch.context() as patch:
        patch.setattr(maximise, "_best_score", kill)
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path / "m.h5", rows_at_once=rows_at_once, resuming=resuming)
    assert not (tmp_path / "m.h5").exists()
    assert list((tmp_path / "checkpoints").iterdir())
    done = []
    monkeypatch.setattr(maximise, "_best_score", lambda state: done.append(state.iteration) or "")
    make(tmp_path / "m.h5", rows_at_once=rows_at_once, resuming=resuming)
    assert sha256(tmp_path / "m.h5") == sha256(tmp_path / "whole.h5")
    assert list((tmp_path / "checkpoints").iterdir()) == []
    # What was done before the kill is not done again.
    assert len(done) < (7 if rows_at_once == 12 else 7 + 7 + 5)


def test_batches_change_no_more_than_the_last_digits(made, tmp_path):
    cut = make(tmp_path / "m.h5", rows_at_once=2)
    assert cut.rows == made.rows
    np.testing.assert_allclose(cut.score, made.score, atol=1e-3)
    assert np.abs(cut.shown.astype(int) - made.shown).max() <= 1


def test_squeezed_networks_say_what_was_maximised(tmp_path):
    made = make(tmp_path / "m.h5", network=squeezed(bias=-0.3).float())
    assert made.objective == {
        "layer": "4",
        "what": "spatial mean of the class convolution before its ReLU",
    }
    assert (made.score[:4, -1] > made.score[:4, 0]).all()


def judge(path, classes=CLASSES, sha="b" * 64):
    return judge_maximisation(
        path,
        toy(seed=9, dtype=torch.float32),
        name="other",
        weights_sha256=sha,
        classes=classes,
        device=CPU,
        **TRANSFORM,
    )


def test_an_independent_network_says_what_it_sees(tmp_path, caplog):
    made = make(tmp_path / "m.h5")
    logits = logits_of(toy(seed=9, dtype=torch.float32), made.shown, device=CPU, **TRANSFORM)
    expected = softmax(logits)
    found = judge(tmp_path / "m.h5")
    assert found[3] == Transfer(
        "ladder_f",
        5,
        "other",
        CLASSES.names[expected[3].argmax()],
        float(expected[3].max()),
        float(expected[3, 1]),
    )
    others = ClassList("others", ("a", "b", "c", "d"), ("", "", "", ""))
    assert {transfer.label_probability for transfer in judge(tmp_path / "m.h5", others)} == {None}
    assert judge(tmp_path / "m.h5", sha="a" * 64) == []
    assert "other has the weights that made these images" in caplog.text


def test_a_class_is_found_in_other_lists_by_wnid_first():
    swapped = ClassList("others", ("star", "disc"), ("n7", "n1"))
    assert same_class("star", "n1", swapped) == 1
    assert same_class("star", "", swapped) == 0
    assert same_class("heart", "n9", swapped) is None
    assert same_class("twin", "", ClassList("twins", ("twin", "twin"), ("n1", "n2"))) is None


def test_measures_equal_their_definitions():
    images = np.random.default_rng(0).random((2, 3, 5, 4))
    images[1] = 0.5
    total = sum(
        abs(images[0, c, r + down, k + right] - images[0, c, r, k])
        for down, right in ((1, 0), (0, 1))
        for c, r, k in np.ndindex(3, 5 - down, 4 - right)
    )
    found = relative_variation(images)
    assert found[0] == pytest.approx(total / 60 / images[0].std())
    assert np.isnan(found[1])
    black, grey = np.zeros((1, 3, 4, 4), np.uint8), np.full((1, 3, 4, 4), 51, np.uint8)
    assert psnr(black, grey)[0] == pytest.approx(10 * np.log10(25))
    assert psnr(black, black)[0] == np.inf
    assert shown_pixels(np.array([-1, 0.5, 2.0])).tolist() == [0, 128, 255]

"""Occluders of the configuration, and what their patches show."""

import numpy as np
import pytest
import torch

from convscope.errors import UserError
from convscope.occlusion.fills import fill_image
from convscope.occlusion.occluders import FILLS, Occluder, occluder_of, occluders_of

MEAN = (0.485, 0.456, 0.406)


def test_defaults_are_those_of_the_report():
    occluder = occluder_of({"name": "default"})
    assert occluder == Occluder("default", (50, 50), (5, 5), "black")
    assert occluder == occluder_of(
        {"name": "default", "patch": 50.0, "stride": [5, 5], "sigma": None}
    )


def test_settings_leave_the_name_out_and_what_does_not_matter():
    wide = {"name": "wide", "patch": [20, 60], "stride": [5, 7], "fill": "noise", "seed": 4}
    assert occluder_of(wide).settings() == {
        "patch": [20, 60],
        "stride": [5, 7],
        "fill": "noise",
        "sigma": None,
        "seed": 4,
    }
    assert occluder_of({"name": "b", "fill": "blur"}).settings()["sigma"] == 10.0


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"patch": 225}, r"occluders: a: patch: 225 x 225 pixels do not fit"),
        ({"patch": [50, 300]}, r"a: patch: 50 x 300 pixels do not fit"),
        ({"patch": 0}, r"a: patch: 0 is not allowed"),
        ({"patch": -3}, r"a: patch: -3 is not allowed"),
        ({"patch": 2.5}, r"a: patch: 2\.5 is not allowed"),
        ({"patch": float("nan")}, r"a: patch: nan is not allowed"),
        ({"patch": True}, r"a: patch: True is not allowed"),
        ({"patch": "50"}, r"a: patch: '50' is not allowed"),
        ({"patch": [50]}, r"a: patch: \[50\] is neither one number nor two"),
        ({"stride": 0}, r"a: stride: 0 is not allowed.*from 1"),
        ({"stride": [5, -1]}, r"a: stride: -1 is not allowed"),
        ({"fill": "gray"}, r"a: fill: unknown fill 'gray'. Did you mean grey\?"),
        ({"fill": ["black"]}, r"a: fill: unknown fill \['black'\]"),
        ({"sigma": 3}, r"a: sigma: sigma is given, but the fill is black"),
        ({"fill": "blur", "sigma": 0}, r"a: sigma: 0 is not allowed"),
        ({"fill": "blur", "seed": 1}, r"a: seed: seed is given, but the fill is blur"),
        ({"fill": "noise", "seed": -1}, r"a: seed: -1 is not allowed"),
        ({"size": 50}, r"occluders: a: unknown key 'size'"),
        ({"name": "a b"}, r"occluders: name: 'a b' can't name"),
        ({"name": None}, r"occluders: name: None can't name"),
    ],
)
def test_bad_occluders_are_refused_by_key(entry, message):
    with pytest.raises(UserError, match=message):
        occluder_of({"name": "a"} | entry)


def test_names_do_not_repeat():
    with pytest.raises(UserError, match="two occluders are named 'a'"):
        occluders_of([{"name": "a"}, {"name": "a", "patch": 20}])
    assert list(occluders_of([{"name": "b"}, {"name": "a"}])) == ["b", "a"]


def image():
    return torch.from_numpy(np.random.default_rng(1).random((3, 40, 30))).float()


@pytest.mark.parametrize("fill", FILLS)
def test_fills_are_images_of_rgb(fill):
    rgb = image()
    shown = fill_image(rgb, occluder_of({"name": "a", "fill": fill, "patch": 9}), MEAN)
    assert shown.shape == rgb.shape
    assert shown.dtype == rgb.dtype
    assert 0 <= float(shown.min()) <= float(shown.max()) <= 1
    constant = {
        "black": [0.0] * 3,
        "grey": [128 / 255] * 3,
        "mean": MEAN,
        "image_mean": rgb.mean((1, 2)).tolist(),
    }
    if fill in constant:
        assert shown[:, 0, 0].tolist() == pytest.approx(constant[fill])
        assert (shown == shown[:, :1, :1]).all()


def test_noise_is_seeded_and_the_same_for_every_image():
    def shown(seed, rgb):
        return fill_image(rgb, occluder_of({"name": "a", "fill": "noise", "seed": seed}), MEAN)

    assert torch.equal(shown(1, image()), shown(1, image() / 2))
    assert not torch.equal(shown(1, image()), shown(2, image()))
    assert float(shown(1, image()).std()) == pytest.approx(12**-0.5, rel=0.05)


def test_blur_keeps_the_mean_of_a_flat_image_and_flattens_a_checkerboard():
    blur = occluder_of({"name": "a", "fill": "blur", "sigma": 4})
    flat = torch.full((3, 40, 30), 0.3)
    assert torch.allclose(fill_image(flat, blur, MEAN), flat)
    board = torch.from_numpy(np.indices((40, 30)).sum(0) % 2).float().expand(3, -1, -1)
    assert float((fill_image(board, blur, MEAN) - 0.5).abs().max()) < 0.1

"""Scores of a batch, with planted classifiers that look at the object or the background only."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from convscope.deconvnet.project import Projector
from convscope.deconvnet.seeds import Unit
from convscope.errors import UserError
from convscope.images.store import read_images, writing_images
from convscope.occlusion.curves import curves, random_drops
from convscope.occlusion.localised import localised, prepared_mask
from convscope.occlusion.occlude import Occlusion
from convscope.occlusion.occlude_batch import occlude_batch
from convscope.occlusion.occluders import occluder_of
from convscope.occlusion.score_batch import Scenes, Scorer, score_batch
from convscope.occlusion.score_files import read_feature, read_scores, scores_of
from convscope.occlusion.score_table import (
    mean_with_interval,
    proportion,
    read_context_rows,
    read_score_rows,
    write_score_tables,
)
from convscope.occlusion.storage import read_maps
from convscope.scenes.drawing import draw_scene
from convscope.scenes.names import SCENE_CLASSES
from convscope.scenes.partners import partners_of
from convscope.scenes.store import read_scenes, write_scenes
from occlusion_toys import Net, settled

CLASSES = list(SCENE_CLASSES)
SETTINGS = {"seed": 12, "condition": "normal", "context_cue": 0, "classes": CLASSES}
GEOMETRY = {"resize": 224, "crop": 224, "interpolation": "bilinear"}
LARGER = {"resize": 256, "crop": 224, "interpolation": "bilinear"}
IDS = [f"{name}_{index:03d}" for name in CLASSES[:4] for index in range(2)]
IMAGES = [f"toy-{scene}" for scene in IDS]
OCCLUDER = occluder_of({"name": "wide", "patch": 64, "stride": 40})
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


def scene_of(index=0, **changes):
    return partners_of(f"{CLASSES[0]}_{index:03d}", SETTINGS | changes)


@pytest.mark.parametrize("condition", ["normal", "cue_conflict"])
@pytest.mark.parametrize("cue", [0, 0.9, 1])
def test_partners_differ_in_what_is_asked_only(condition, cue):
    for index in range(12):
        scene = draw_scene(CLASSES[0], index, 12, condition, context_cue=cue)
        found = scene_of(index, condition=condition, context_cue=cue)
        changed = (found.erased != scene.pixels).any(0)
        assert changed.any()
        assert not changed[~scene.mask].any()
        assert (found.object_class, found.cue_class) == (scene.object_class, scene.cue_class)
        # The inside of the object is the same; its antialiased edge mixes with the background.
        edge = np.pad(scene.mask, 1)
        inside = edge[:-2, 1:-1] & edge[2:, 1:-1] & edge[1:-1, :-2] & edge[1:-1, 2:] & scene.mask
        assert (found.replaced == scene.pixels).all(0)[inside].mean() > 0.97
        assert (found.replaced != scene.pixels).any(0)[~scene.mask].mean() > 0.5
        assert found.replaced_cue not in (scene.object_class, scene.cue_class)


def test_scenes_without_object_or_other_background_have_no_partner():
    assert scene_of(condition="object_removed") is None
    pair = CLASSES[:2]
    found = [scene_of(index, condition="cue_conflict", classes=pair) for index in range(4)]
    assert all(one.replaced is None and one.replaced_cue is None for one in found)
    first = draw_scene(CLASSES[0], 0, 12, "object_removed")
    assert np.array_equal(scene_of().erased, first.pixels)


class Looking(nn.Module):
    """Knows a scene's object class and background, and answers by one of them."""

    def __init__(self, known, by):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.known, self.by = known, by

    def forward(self, images):
        rows = []
        for image in images:
            pixels = (image * 0.25 + 0.5).mul(255).round().to(torch.uint8).numpy()
            index = self.known.get(pixels.tobytes(), {}).get(self.by)
            logits = torch.zeros(len(CLASSES))
            if index is not None:
                logits[index] = 5
            rows.append(logits)
        return torch.stack(rows)


def known_scenes():
    """Return what is to be seen in each scene, its partners and nothing else."""
    known = {}
    for scene in IDS:
        name, index = scene.rsplit("_", 1)
        drawn = draw_scene(name, int(index), 12)
        partners = partners_of(scene, SETTINGS)
        shown, cue = CLASSES.index(drawn.object_class), CLASSES.index(drawn.cue_class)
        other = CLASSES.index(partners.replaced_cue)
        known[drawn.pixels.tobytes()] = {"object": shown, "background": cue}
        known[partners.erased.tobytes()] = {"background": cue}
        known[partners.replaced.tobytes()] = {"object": shown, "background": other}
    return known


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scores")
    write_scenes(folder / "scenes.h5", IDS, {"seed": 12})
    with writing_images(folder / "images.h5", IMAGES, GEOMETRY, {}) as writer:
        for place, pixels in enumerate(read_scenes(folder / "scenes.h5").pixels):
            writer.add(pixels, f"{place}" * 64)
    torch.manual_seed(1)
    parts = [nn.Conv2d(3, 5, 9, 6), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(5, 6, 3), nn.ReLU()]
    network = settled(Net(parts, (224, 224), len(CLASSES)), torch.float32)
    occlude_batch(
        Occlusion(network, OCCLUDER, mean=MEAN, std=STD),
        read_images(folder / "images.h5"),
        [CLASSES.index(scene.rsplit("_", 1)[0]) for scene in IDS],
        folder / "occlusion.h5",
        network={},
        packages={},
    )
    return folder, network


def score(made, network, name, steps=0, classes=None):
    folder = made[0]
    places = {c: CLASSES.index(c) for c in CLASSES} if classes is None else classes
    score_batch(
        Scorer(network, OCCLUDER, mean=MEAN, std=STD, steps=steps, seed=3),
        occlusion=folder / "occlusion.h5",
        images=folder / "images.h5",
        scenes=Scenes(str(folder / "scenes.h5"), dict(zip(IMAGES, IDS, strict=True)), places),
        output=folder / f"{name}.h5",
        attributes={"network": {}, "packages": {}},
    )
    return folder / f"{name}.h5"


def entry(made, name, **changes):
    folder = made[0]
    scene_names = dict(zip(IMAGES, IDS, strict=True))
    given = {"occlusion": folder / "occlusion.h5", "scores": folder / f"{name}.h5"}
    given |= {"network": name, "occluder": "wide", "scenes": folder / "scenes.h5"}
    return given | {"scene_of": scene_names, "geometry": GEOMETRY} | changes


def test_the_pair_tells_who_looks_at_the_object_from_who_looks_at_the_background(made, tmp_path):
    known = known_scenes()
    for by in ("object", "background"):
        score(made, Looking(known, by), by)
    files = [entry(made, by) for by in ("object", "background")]
    write_score_tables(tmp_path / "scores.tsv", tmp_path / "context.tsv", files)
    by_object, by_background = read_context_rows(tmp_path / "context.tsv")
    sure = np.exp(5) / (np.exp(5) + 7)
    lost, other = sure - 1 / 8, sure - 1 / (np.exp(5) + 7)
    for row in (by_object, by_background):
        assert (row["scenes"], row["replaced"]) == (f"{len(IDS)}",) * 2
    assert float(by_object["object_drop"]) == pytest.approx(lost, abs=1e-3)
    assert float(by_object["context_drop"]) == pytest.approx(0, abs=1e-6)
    assert float(by_background["object_drop"]) == pytest.approx(0, abs=1e-6)
    assert float(by_background["context_drop"]) == pytest.approx(other, abs=1e-3)
    pairs = [(float(r["by_object"]), float(r["by_background"])) for r in (by_object, by_background)]
    assert pairs == [(1, 0), (0, 1)]
    assert [float(r["leans_on_object"]) for r in (by_object, by_background)] == [1, 0]
    rows = read_score_rows(tmp_path / "scores.tsv")
    assert [row["image"] for row in rows] == IMAGES * 2
    assert float(rows[0]["object_drop"]) == pytest.approx(lost, abs=1e-3)
    assert rows[0]["deletion"] == ""


def test_curves_and_projections_are_those_of_the_engines(made):
    folder, network = made
    path = score(made, network, "own", steps=4)
    scores, maps = read_scores(path), read_maps(folder / "occlusion.h5")
    assert scores.shares.tolist() == [0, 0.25, 0.5, 0.75, 1]
    pixels = read_images(folder / "images.h5").pixels[3]
    clean = ((torch.from_numpy(pixels).float() / 255 - 0.5) / 0.25)[None]
    black, found = torch.full_like(clean, -2), maps[IMAGES[3]]
    for place, drops in enumerate((found.drops(), random_drops(found.grid, 3))):
        expected = curves(network, clean, black, drops, found.grid, found.label, steps=4)
        own = scores_of(scores, IMAGES[3], path).curves[place]
        assert own == pytest.approx(np.stack([expected.deletion, expected.insertion]), abs=1e-6)
    unit = Unit("features.4", found.channel)
    (projection,) = Projector(network).project_image(clean, [unit])
    top, left, bottom, right = projection.box
    stored = read_feature(path, IMAGES[3]).pixels[:, top:bottom, left:right]
    assert np.abs(stored - projection.pixels).max() <= 1e-3 * np.abs(stored).max()
    assert np.abs(stored).max() > 0


def test_networks_without_the_classes_are_not_asked_for_accuracy(made, tmp_path):
    score(made, made[1], "foreign", classes=dict.fromkeys(CLASSES))
    write_score_tables(tmp_path / "s.tsv", tmp_path / "c.tsv", [entry(made, "foreign")])
    (row,) = read_context_rows(tmp_path / "c.tsv")
    assert (row["by_object"], row["by_background"]) == ("", "")
    assert row["object_drop"]
    with pytest.raises(UserError, match="no image 'nobody'"):
        read_feature(made[0] / "foreign.h5", "nobody")


def test_masks_are_prepared_as_their_images_are(made):
    mask = read_scenes(made[0] / "scenes.h5").masks[0]
    assert np.array_equal(prepared_mask(mask, GEOMETRY), mask)
    larger = prepared_mask(mask, LARGER)
    assert larger.sum() == pytest.approx(mask.sum() * (256 / 224) ** 2, rel=0.03)
    stored = read_maps(made[0] / "occlusion.h5")[IMAGES[0]]
    moving = np.random.default_rng(0).random(stored.probabilities.shape)
    maps = {IMAGES[0]: replace(stored, probabilities=moving, clean_probabilities=(1.0, 1.0))}
    pair = [localised(entry(made, "own", geometry=g), maps) for g in (GEOMETRY, LARGER)]
    assert pair[0][IMAGES[0]].share != pair[1][IMAGES[0]].share
    assert localised(entry(made, "own", scenes=None), maps) == {}


def test_intervals_hold_what_they_say():
    # Wilson's interval of 8 in 10, from his formula by hand.
    assert proportion(8, 10) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)
    assert proportion(0, 0) is None
    mean, low, high = mean_with_interval(np.arange(100.0))
    assert mean == 49.5
    assert low == pytest.approx(49.5 - 1.96 * 2.887, abs=0.4)
    assert high == pytest.approx(49.5 + 1.96 * 2.887, abs=0.4)
    assert mean_with_interval(np.array([])) is None

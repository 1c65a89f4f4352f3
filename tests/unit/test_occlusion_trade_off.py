"""The table of occluders on generated scenes."""

import pytest

from convscope.errors import UserError
from convscope.occlusion.grid import Grid
from convscope.occlusion.scores import localisation
from convscope.occlusion.storage import read_maps
from convscope.occlusion.times import write_times
from convscope.occlusion.trade_off import trade_off_rows
from convscope.scenes.store import read_scenes, write_scenes
from occlusion_files import maps_of, write_images, write_occlusion

GEOMETRY = {"resize": 224, "crop": 224, "interpolation": "bilinear"}
SCENES = ["striped_disc_000", "ringed_star_001"]


def test_scores_are_medians_over_scenes_with_a_drop(tmp_path):
    write_scenes(tmp_path / "scenes.h5", SCENES, {"seed": 3})
    scenes = read_scenes(tmp_path / "scenes.h5")
    write_images(tmp_path / "images.h5", ids=SCENES)
    grid = Grid((224, 224), (50, 50), (10, 10))
    maps = {SCENES[0]: maps_of(grid), SCENES[1]: maps_of(grid, label=None)}
    write_occlusion(tmp_path / "o.h5", tmp_path / "images.h5", {"stride": 10}, maps)
    write_times(tmp_path / "t.tsv", SCENES, [1.0, 3.0])
    file = {"occlusion": tmp_path / "o.h5", "times": tmp_path / "t.tsv"}
    file |= {"scenes": tmp_path / "scenes.h5", "scene_of": {}, "geometry": GEOMETRY}
    file |= {"network": "one", "occluder": "default"}
    (row,) = trade_off_rows([file])
    # As stored: rounding to float32 moves thresholds between equal scores.
    stored = read_maps(tmp_path / "o.h5")[SCENES[0]]
    expected = localisation(stored.drops(), grid, scenes.masks[0])
    # The network does not have the second one's class.
    assert (row["scenes"], row["defined"], row["images"]) == (1, 1, 2)
    assert row["pointing"] == float(expected.pointing)
    assert row["share"] == pytest.approx(expected.share, rel=1e-6)
    assert row["share_over_uniform"] == pytest.approx(expected.share_over_uniform, rel=1e-6)
    assert row["intersection_over_union"] == pytest.approx(expected.intersection_over_union)
    # Images may be called otherwise than their scenes.
    swapped = file | {"scene_of": dict(zip(SCENES, SCENES[::-1], strict=True))}
    other = localisation(stored.drops(), grid, scenes.masks[1])
    assert trade_off_rows([swapped])[0]["share"] == pytest.approx(other.share)
    assert other.share != pytest.approx(expected.share)
    write_scenes(tmp_path / "others.h5", SCENES[1:], {"seed": 3})
    with pytest.raises(UserError, match=f"no scene '{SCENES[0]}'"):
        trade_off_rows([file | {"scenes": tmp_path / "others.h5"}])

"""Correspondence from files: images and boxes of several files become one table."""

import pandas as pd
import pytest

from convscope.errors import UserError
from convscope.images.store import read_images, writing_images
from convscope.invariance.correspondence import measure_correspondence
from convscope.invariance.correspondence_files import measure_sets
from convscope.invariance.correspondence_table import tabulate_correspondence
from convscope.invariance.part_files import gather_images, scene_parts
from convscope.scenes.store import read_scenes, write_scenes
from correspondence_toys import SETTINGS, pairs_file
from invariance_toys import toy_network

SCENES = ["striped_disc_000", "striped_disc_001", "ringed_star_000"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return scenes and their prepared images, in two batches."""
    folder = tmp_path_factory.mktemp("parts")
    scenes, images = [], []
    for number, ids in enumerate((SCENES[:1], SCENES[1:])):
        scenes.append(str(folder / f"scenes_{number}.h5"))
        images.append(str(folder / f"images_{number}.h5"))
        write_scenes(scenes[-1], ids, {"seed": 3})
        with writing_images(images[-1], [f"toy-{name}" for name in ids], {}, {}) as writer:
            for pixels in read_scenes(scenes[-1]).pixels:
                writer.add(pixels, "0" * 64)
    return {"scene_files": scenes, "image_files": images}


def test_images_are_gathered_in_the_order_asked_for(files):
    wanted = [f"toy-{SCENES[place]}" for place in (2, 0)]
    batch = gather_images(files["image_files"], wanted)
    assert batch.ids == tuple(wanted)
    first = read_images(files["image_files"][0])
    assert (batch.pixels[1] == first.pixels[0]).all()
    assert batch.pixel_sha256[1] == first.pixel_sha256[0]
    with pytest.raises(UserError, match="no prepared images hold 'nobody'"):
        gather_images(files["image_files"], ["nobody"])


def test_scenes_know_their_parts(files):
    parts = scene_parts(files["scene_files"], {"a": SCENES[2], "b": SCENES[0]})
    assert list(parts) == ["a", "b"]
    assert list(parts["a"]) == ["right_eye", "left_eye", "nose"]
    found = read_scenes(files["scene_files"][1])
    nose = found.parts[found.ids.index(SCENES[2]), found.part_names.index("nose")]
    assert parts["a"]["nose"] == nose.tolist()
    with pytest.raises(UserError, match="no file holds the scene 'gone'"):
        scene_parts(files["scene_files"], {"a": "gone"})


def test_sets_are_measured_each_on_its_own(files, tmp_path):
    network = toy_network().float()
    scenes = {f"toy-{name}": name for name in SCENES}
    parts = {"nose": [60, 60, 90, 80], "right_eye": [20, 20, 40, 35]}
    boxes = {f"toy-{name}": parts for name in SCENES[:2]}
    sets = [{"sample_set": "toy", "scenes": scenes}, {"sample_set": "sheet", "boxes": boxes}]
    measure_sets(network, sets, tmp_path / "pairs.parquet", **files, **SETTINGS)
    table = pd.read_parquet(tmp_path / "pairs.parquet")
    counts = table.groupby("sample_set").size().to_dict()
    # Pairs times parts with random ones, layers and kinds of sign.
    assert counts == {"toy": 3 * 4 * 2 * 2, "sheet": 1 * 3 * 2 * 2}
    images = gather_images(files["image_files"], list(boxes))
    in_order = {image: dict(sorted(of.items(), reverse=True)) for image, of in boxes.items()}
    alone = measure_correspondence(network, images, in_order, **SETTINGS)
    of_sheet = table[table["sample_set"] == "sheet"]
    assert of_sheet["part"].tolist() == alone["part"].tolist()
    assert list(dict.fromkeys(of_sheet["part"])) == ["right_eye", "nose", "random"]
    assert of_sheet["change"].tolist() == pytest.approx(alone["change"].tolist())


def test_networks_and_sets_are_summarised_apart(tmp_path):
    files = {
        "one": pairs_file(tmp_path / "one.parquet", ("a", "b")),
        "two": pairs_file(tmp_path / "two.parquet", ("a",), seed=1),
    }
    pairs, summary = tabulate_correspondence(files)
    assert len(pairs) == 3 * 3 * 2 * 2 * 3
    assert len(summary) == 3 * 2 * 2 * 3
    row = summary.iloc[-1]
    keys = ["network", "sample_set", "part", "layer", "sign"]
    chosen = pairs[(pairs[keys] == row[keys]).all(axis=1)]
    assert row["mean"] == pytest.approx(chosen["change"].mean())
    assert row["spread"] == pytest.approx(chosen["change"].std(ddof=1))
    assert row["pairs"] == 3
    with pytest.raises(UserError, match=r"gone.parquet: not a whole Parquet file"):
        tabulate_correspondence({"one": str(tmp_path / "gone.parquet")})

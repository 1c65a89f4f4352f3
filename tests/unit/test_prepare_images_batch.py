"""A batch is prepared from every kind of source, and bad images are reported together."""

import hashlib
import io
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convscope.errors import UserError
from convscope.hdf5 import create_maps, writing
from convscope.images import prepare, sources
from convscope.images.geometry import resize_and_crop
from convscope.images.prepare import prepare_images
from convscope.images.store import read_images, read_index

GEOMETRY = {"resize": 256, "crop": 224, "interpolation": "bilinear"}
UNCHANGED = {**GEOMETRY, "resize": 224}
PACKAGES = {"pillow": "1.2.3"}


def photograph(seed, width=90, height=70, form="JPEG"):
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, form)
    return stream.getvalue()


def expected(data, geometry=GEOMETRY):
    return resize_and_crop(Image.open(io.BytesIO(data)).convert("RGB"), geometry)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def write_container(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return str(path)


def write_scenes(path, count):
    pixels = np.random.default_rng(9).integers(0, 256, (count, 3, 224, 224), np.uint8)
    with writing(path, "scenes/1", {"ids": [f"scene_{n}" for n in range(count)]}) as file:
        create_maps(file, "pixels", pixels.shape, np.uint8)[:] = pixels
    return str(path), pixels


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "cat.jpg"
    path.write_bytes(photograph(1))
    return str(path)


def run(tmp_path, batch, geometry=GEOMETRY):
    output = tmp_path / "out" / "images.h5"
    prepare_images(batch, geometry, output, PACKAGES)
    return output


def refused(tmp_path, batch):
    with pytest.raises(UserError) as caught:
        run(tmp_path, batch)
    assert list((tmp_path / "out").glob("*")) == []
    return str(caught.value)


def test_every_kind_of_source(tmp_path, photo):
    member = photograph(2, 70, 90)
    container = write_container(tmp_path / "group.zip", {"n01_000.jpg": member, "n01_001.jpg": b""})
    scenes, pixels = write_scenes(tmp_path / "scenes.h5", 3)
    batch = {
        "cat": {"file": photo, "sha256": digest(photograph(1)).upper()},
        "n01_000": {"zip": container, "member": "n01_000.jpg", "sha256": digest(member)},
        "scene_2": {"scenes": scenes, "id": "scene_2"},
    }
    found = read_images(run(tmp_path, batch))
    assert found.ids == ("cat", "n01_000", "scene_2")
    assert np.array_equal(found.pixels[0], expected(photograph(1)))
    assert np.array_equal(found.pixels[1], expected(member))
    scene = Image.fromarray(pixels[2].transpose(1, 2, 0).copy())
    assert np.array_equal(found.pixels[2], resize_and_crop(scene, GEOMETRY))
    assert found.source_sha256 == (
        digest(photograph(1)),
        digest(member),
        digest(pixels[2].tobytes()),
    )
    assert found.pixel_sha256 == tuple(digest(image.tobytes()) for image in found.pixels)


def test_scenes_pass_unchanged_at_their_own_size(tmp_path):
    scenes, pixels = write_scenes(tmp_path / "scenes.h5", 4)
    batch = {f"scene_{n}": {"scenes": scenes, "id": f"scene_{n}"} for n in (3, 1)}
    found = read_images(run(tmp_path, batch, UNCHANGED))
    assert np.array_equal(found.pixels, pixels[[3, 1]])


def test_the_file_says_what_made_it(tmp_path, photo):
    index = read_index(run(tmp_path, {"cat": {"file": photo}}))
    assert (index.geometry, index.packages) == (GEOMETRY, PACKAGES)


def test_twice_the_same_bytes(tmp_path, photo):
    batch = {"cat": {"file": photo}, "also_cat": {"file": photo}}
    first = run(tmp_path, batch).read_bytes()
    assert run(tmp_path, batch).read_bytes() == first


def test_each_image_is_decoded_once(tmp_path, photo, monkeypatch):
    decoded = []

    def counting(data, where):
        decoded.append(where)
        return Image.open(io.BytesIO(data)).convert("RGB")

    monkeypatch.setattr(sources, "decode_image", counting)
    run(tmp_path, {name: {"file": photo} for name in "abc"})
    assert len(decoded) == 3


def test_memory_does_not_grow_with_the_images(tmp_path, photo):
    def peak(count):
        tracemalloc.start()
        run(tmp_path, {f"image_{n}": {"file": photo} for n in range(count)}, UNCHANGED)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(4)
    few, many = peak(4), peak(40)
    assert many - few < 2 * 3 * 224 * 224


def test_a_missing_file_is_named_with_its_row(tmp_path):
    message = refused(tmp_path, {"cat": {"file": "photos/cat.jpg", "where": "images.tsv, row 2"}})
    assert "images.tsv, row 2, image cat (photos/cat.jpg): the image file is missing" in message


def test_a_folder_is_no_image(tmp_path):
    assert "can't be read (Is a directory)" in refused(tmp_path, {"cat": {"file": str(tmp_path)}})


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (photograph(1)[:-300], "truncated"),
        (b"no image", "not an image"),
        (b"", "empty"),
        (photograph(1, 1, 1), "1x1"),
    ],
)
def test_a_bad_image_is_named(tmp_path, data, word):
    path = tmp_path / "bad.jpg"
    path.write_bytes(data)
    message = refused(tmp_path, {"cat": {"file": str(path)}})
    assert f"image cat ({path})" in message
    assert word in message


def test_a_wrong_digest_is_shown_with_the_right_one(tmp_path, photo):
    message = refused(tmp_path, {"cat": {"file": photo, "sha256": "ab" * 32}})
    assert "ab" * 32 in message
    assert digest(photograph(1)) in message
    assert photo in message
    assert "correct the sha256" in message


def test_all_bad_images_are_reported_together(tmp_path, photo):
    bad = {f"bad_{n:02d}": {"file": f"absent_{n:02d}.jpg"} for n in range(13)}
    message = refused(tmp_path, {"good": {"file": photo}, **bad})
    assert "13 of 14 images" in message
    assert all(f"image bad_{n:02d} (absent_{n:02d}.jpg)" in message for n in range(10))
    assert "bad_10" not in message
    assert "and 3 more" in message


def test_an_old_file_survives_a_failure(tmp_path, photo):
    before = run(tmp_path, {"cat": {"file": photo}})
    content = before.read_bytes()
    with pytest.raises(UserError):
        run(tmp_path, {"cat": {"file": "absent.jpg"}})
    assert before.read_bytes() == content


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda data: None, "the container is missing"),
        (lambda data: data[: len(data) // 2], "can't be read"),
        (lambda data: data.replace(b"\xff\xd8", b"\xff\xd9", 1), "can't be read"),
        (lambda data: data.replace(b"n01_000", b"n01_009"), "has no member 'n01_000.jpg'"),
    ],
)
def test_bad_containers(tmp_path, damage, word):
    path = tmp_path / "group.zip"
    write_container(path, {"n01_000.jpg": photograph(1)})
    data = damage(path.read_bytes())
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    message = refused(tmp_path, {"n01_000": {"zip": str(path), "member": "n01_000.jpg"}})
    assert word in message
    assert "image n01_000" in message


def test_a_wrong_digest_in_a_container(tmp_path):
    container = write_container(tmp_path / "group.zip", {"a.jpg": photograph(1)})
    message = refused(tmp_path, {"a": {"zip": container, "member": "a.jpg", "sha256": "0" * 64}})
    assert "sha256" in message
    assert "Delete it" in message


def test_an_unknown_scene(tmp_path):
    scenes, _ = write_scenes(tmp_path / "scenes.h5", 1)
    message = refused(tmp_path, {"scene_8": {"scenes": scenes, "id": "scene_8"}})
    assert "there is no scene 'scene_8'" in message


def test_missing_scenes(tmp_path):
    message = refused(tmp_path, {"scene_8": {"scenes": "absent.h5", "id": "scene_8"}})
    assert "absent.h5" in message


def test_a_bad_geometry_is_refused_before_any_image(tmp_path):
    with pytest.raises(UserError, match="299"):
        run(tmp_path, {"cat": {"file": "absent.jpg"}}, {**GEOMETRY, "crop": 299})


def test_a_source_of_no_kind_is_a_mistake_of_the_program(tmp_path):
    with pytest.raises(ValueError, match="names file, zip or scenes"):
        run(tmp_path, {"cat": {"url": "https://example.org/cat.jpg"}})


def test_torch_is_not_imported():
    scripts = Path(prepare.__file__).parents[2]
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import convscope.images.prepare,"
        "convscope.variants.draw; sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(scripts)], check=True)

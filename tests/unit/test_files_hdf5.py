"""Files appear whole or not at all, and damage is noticed."""

import h5py
import numpy as np
import pytest

from convscope.errors import UserError
from convscope.files import replacing, write_text
from convscope.hdf5 import attribute, chunk_shape, create_maps, create_table, reading, writing


def fill(path, value=1.0):
    with writing(path, "toy/1", {"ids": ["ä", "b"], "long": ["x" * 64] * 2000}) as file:
        maps = create_maps(file, "maps", (4, 6, 64, 64), np.float32)
        maps[:] = np.random.default_rng(0).normal(size=maps.shape) * value
        create_table(file, "table", (4, 3), np.int32)[:] = 7


def write_half(path):
    with replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("midway")


def test_a_failure_leaves_the_old_file_and_no_remains(tmp_path):
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError, match="midway"):
        write_half(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_data_gives_the_same_bytes(tmp_path):
    fill(tmp_path / "a.h5")
    fill(tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_attributes_of_any_length_come_back(tmp_path):
    fill(tmp_path / "a.h5")
    with reading(tmp_path / "a.h5", "toy/1") as file:
        assert attribute(file, "ids") == ["ä", "b"]
        assert attribute(file, "long") == ["x" * 64] * 2000


@pytest.mark.parametrize("damage", ["missing", "truncated", "text", "schema"])
def test_what_is_not_the_file_is_refused_by_name(tmp_path, damage):
    path = tmp_path / "a.h5"
    if damage != "missing":
        fill(path)
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:3000])
    if damage == "text":
        path.write_text("not HDF5")
    schema = "toy/2" if damage == "schema" else "toy/1"
    with pytest.raises(UserError, match=r"a\.h5.*run snakemake again"), reading(path, schema):
        pytest.fail("opened")


def test_a_damaged_file_from_a_cache_is_deleted_there_too(tmp_path):
    cached, place = tmp_path / "cache" / "0123.h5", tmp_path / "file.h5"
    cached.parent.mkdir()
    cached.write_bytes(b"?")
    place.symlink_to(cached)
    with pytest.raises(UserError, match="not a whole HDF5 file") as caught, reading(place, "toy/1"):
        pass
    assert f"Delete it and {cached}, which it points to, and run snakemake" in str(caught.value)


def test_a_flipped_byte_is_noticed(tmp_path):
    path = tmp_path / "a.h5"
    fill(path)
    with h5py.File(path) as file:
        offset = file["maps"].id.get_chunk_info(1).byte_offset
    data = bytearray(path.read_bytes())
    data[offset + 100] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"a\.h5.*damaged"), reading(path, "toy/1") as file:
        file["maps"][:]


@pytest.mark.parametrize(
    ("shape", "chunks"),
    [
        ((5, 64, 224, 224), (1, 4, 224, 224)),
        ((5, 512, 14, 14), (1, 512, 14, 14)),
        ((5, 4096), (1, 4096)),
        ((5, 7, 1024, 1024), (1, 1, 1024, 1024)),
    ],
)
def test_chunks_hold_one_sample_and_a_divisor_of_its_channels(shape, chunks):
    assert chunk_shape(shape, 4) == chunks

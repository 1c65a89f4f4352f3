"""Projections on disk come back as they were put in, byte for byte the same twice."""

import numpy as np
import pytest

from convscope.deconvnet.table import grouped, reading_projections, writing_projections
from convscope.errors import UserError
from convscope.hdf5 import writing

ATTRIBUTES = {"images": {"ids": ["a", "b"]}, "layers": [{"name": "features.0"}]}


def columns(image, box, **others):
    top, left, bottom, right = box
    sides = {"top": top, "left": left, "bottom": bottom, "right": right}
    plain = dict.fromkeys(("layer", "variant", "rank", "channel", "row", "column"), 0)
    numbers = {"epoch": -1, "control": -1, "peak": 2.5, "activation": 2.5, "zero_at": -1}
    return {"image": image, **plain, **numbers, **sides, **others}


def units(dtype):
    generator = np.random.default_rng(3)
    for image, box in enumerate([(0, 0, 4, 7), (3, 2, 200, 224)]):
        shape = (3, box[2] - box[0], box[3] - box[1])
        projection = (generator.normal(size=shape) * 10.0 ** (9 * image)).astype(dtype)
        yield projection, generator.integers(0, 256, shape, np.uint8), columns(image, box)


def write(path, dtype="float16"):
    with writing_projections(path, ATTRIBUTES, dtype) as table:
        for projection, patch, row in units(np.float32):
            table.add(projection, patch, **row)
    return path


@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 1e-3), ("float32", 0)])
def test_units_come_back(tmp_path, dtype, tolerance):
    with reading_projections(write(tmp_path / "deconv.h5", dtype)) as table:
        assert table.attribute("layers") == ATTRIBUTES["layers"]
        for row, (projection, patch, expected) in zip(table.rows, units(np.float32), strict=True):
            found = table.projection(row)
            assert np.abs(found - projection).max() <= tolerance * np.abs(projection).max()
            assert np.array_equal(table.patch(row), patch)
            assert {name: getattr(row, name) for name in expected} == expected


def test_two_files_are_the_same_bytes(tmp_path):
    assert write(tmp_path / "a.h5").read_bytes() == write(tmp_path / "b.h5").read_bytes()


def test_no_unit_is_a_table_without_rows(tmp_path):
    with writing_projections(tmp_path / "deconv.h5", ATTRIBUTES, "float16"):
        pass
    with reading_projections(tmp_path / "deconv.h5") as table:
        assert table.rows == []


@pytest.mark.parametrize("wrong", ["projection", "patch"])
def test_another_shape_than_the_box_is_refused_and_nothing_is_left(tmp_path, wrong):
    arrays = {"projection": np.zeros((3, 4, 7)), "patch": np.zeros((3, 4, 7), np.uint8)}
    arrays[wrong] = arrays[wrong][:, 1:]
    with (
        pytest.raises(ValueError, match="do not fit the box"),
        writing_projections(tmp_path / "deconv.h5", ATTRIBUTES, "float16") as table,
    ):
        table.add(**arrays, **columns(0, (0, 0, 4, 7)))
    assert list(tmp_path.iterdir()) == []


def test_another_layout_is_refused(tmp_path):
    with writing(tmp_path / "deconv.h5", "features/1", {}):
        pass
    with pytest.raises(UserError, match="layout"), reading_projections(tmp_path / "deconv.h5"):
        pass


def test_rows_are_grouped_in_order(tmp_path):
    with reading_projections(write(tmp_path / "deconv.h5")) as table:
        groups = grouped(table.rows, "image", "variant")
        assert list(groups) == [(0, 0), (1, 0)]
        assert groups[1, 0] == [table.rows[1]]

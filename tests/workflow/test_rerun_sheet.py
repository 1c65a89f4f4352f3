"""A sample sheet that changes: each edit reruns the jobs of the images it is about."""

import re
from functools import partial

import numpy as np
import pytest
from PIL import Image

from convscope.digests import file_sha256
from convscope.images.store import read_images
from convscope.planning.batches import batch_name, cut_batches
from projects import Project, Sheet

TABLES = {"tabulate_predictions": 1, "build_report": 1}
NAMES = "abcdef"


@pytest.fixture(scope="module")
def pretended(repository, tmp_path_factory):
    """Return a sheet of six pictures that seems to have gone through the workflow."""
    folder = tmp_path_factory.mktemp("sheet")
    sheet = Sheet(folder, Project(repository, folder))
    for seed, name in enumerate("abcdefg"):
        sheet.draw(name, seed)
    sheet.write(sheet.rows(NAMES, label="striped_disc", variants=""))
    sheet.project.pretend(sheet.config())
    return sheet


def plan_of(sheet, rows):
    """Return the jobs planned for changed rows, and the batches that they prepare and extract."""
    sheet.write(rows)
    outcome = sheet.project.run("-n", config=sheet.config())
    assert outcome.status == 0, outcome.text
    found = {
        rule: set(re.findall(rf"^rule {rule}:.*?/(sheet-[0-9a-f]+)/", outcome.text, re.M | re.S))
        for rule in ("prepare_images", "extract_features")
    }
    return outcome.jobs, found


def rows_of(sheet, names=NAMES):
    return sheet.rows(names, label="striped_disc", variants="")


def batches_of(names):
    return {batch_name("sheet", batch): batch for batch in cut_batches(names, 2)}


@pytest.mark.parametrize(
    ("names", "most"),
    [("abcdefg", 2), ("abdef", 1)],
    ids=["insert", "remove"],
)
def test_inserting_or_removing_an_image_reruns_one_or_two_batches(pretended, names, most):
    new = batches_of(names).keys() - batches_of(NAMES).keys()
    assert len(new) <= most
    jobs, batches = plan_of(pretended, rows_of(pretended, names))
    computed = dict.fromkeys(("prepare_images", "extract_features"), len(new)) if new else {}
    assert jobs == computed | TABLES
    assert batches == dict.fromkeys(("prepare_images", "extract_features"), new)


def test_reordering_and_naming_the_checksums_that_files_have_do_nothing(pretended):
    rows = rows_of(pretended, "fcabed")
    for row in rows:
        row["sha256"] = file_sha256(pretended.folder / row["source"])
    assert plan_of(pretended, rows)[0] == {}


def test_relabelling_reruns_the_tables_only(pretended):
    rows = rows_of(pretended)
    rows[2]["label"] = "ringed_star"
    assert plan_of(pretended, rows)[0] == TABLES


def test_an_image_with_variants_of_its_own_reruns_its_batch_from_extraction_on(pretended):
    rows = rows_of(pretended)
    rows[2]["variants"] = "normal,rotate_180"
    jobs, batches = plan_of(pretended, rows)
    assert jobs == {"extract_features": 1, **TABLES}
    (batch,) = batches["extract_features"]
    assert "c" in batches_of(NAMES)[batch]


def test_another_name_is_another_image(pretended):
    rows = rows_of(pretended)
    rows[0]["image"] = "renamed"
    jobs, batches = plan_of(pretended, rows)
    assert jobs.keys() == {"prepare_images", "extract_features", *TABLES}
    after = batches_of(["renamed", *"bcdef"])
    assert batches["prepare_images"] == after.keys() - batches_of(NAMES).keys()


def test_another_picture_under_the_same_name_reruns_its_batch(pretended):
    pretended.draw("d", 77)
    jobs, batches = plan_of(pretended, rows_of(pretended))
    pretended.draw("d", NAMES.index("d"))
    assert jobs == {"prepare_images": 1, "extract_features": 1, **TABLES}
    (batch,) = batches["prepare_images"]
    assert "d" in batches_of(NAMES)[batch]


def test_the_times_of_ones_own_files_do_not_matter(sheet):
    """Not even those of a file that is too large for Snakemake to compare what it holds."""
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3), dtype=np.uint8)
    large = sheet.folder / "a.png"
    Image.fromarray(noise).save(large)
    assert large.stat().st_size > 1_000_000
    sheet.write(sheet.rows("a"))
    prepare = partial(sheet.project.run, "--until", "prepare_images", config=sheet.config())
    assert prepare().jobs == {"prepare_images": 1}
    large.touch()
    assert prepare("-n").jobs == {}


def test_touched_files_do_nothing_and_exchanged_ones_are_prepared_again(sheet):
    paths = [sheet.draw(name, seed) for seed, name in enumerate("ab")]
    sheet.write(sheet.rows("ab"))
    prepare = partial(sheet.project.run, "--until", "prepare_images", config=sheet.config())
    assert prepare().jobs == {"prepare_images": 1}
    (file,) = sheet.folder.glob("results/sheet/images/*/*/images.h5")
    before = read_images(file).pixels[:]
    for path in paths:
        path.touch()
    assert prepare("-n").jobs == {}
    contents = [path.read_bytes() for path in paths]
    for path, content in zip(reversed(paths), contents, strict=True):
        path.write_bytes(content)
    assert prepare().jobs == {"prepare_images": 1}
    after = read_images(file).pixels[:]
    assert (after == before[::-1]).all()
    assert not (after == before).all()


def test_rows_that_exchange_their_files_are_prepared_again(pretended):
    rows = rows_of(pretended)
    rows[0]["source"], rows[1]["source"] = rows[1]["source"], rows[0]["source"]
    holding = {name for name, batch in batches_of(NAMES).items() if set(batch) & {"a", "b"}}
    assert plan_of(pretended, rows)[1]["prepare_images"] == holding

"""Containers of images: they hold what was given, and nothing else."""

import hashlib
import zipfile

import pytest

from convscope.fetching import containers

CONTENT = {
    "n01532829_003": b"\xff\xd8 first" * 50,
    "n01532829_004": b"\xff\xd8 second" * 50,
    "n01558993_000": b"\xff\xd8 third" * 50,
}


@pytest.fixture
def stored(tmp_path):
    samples = [
        containers.Sample(image, image[:9], int(image[-3:]), row, content)
        for row, (image, content) in enumerate(CONTENT.items(), start=3)
    ]
    containers.write_container(tmp_path / "a.zip", tmp_path / "a.tsv", samples)
    return tmp_path / "a.zip", tmp_path / "a.tsv"


def test_container_and_manifest_hold_what_was_given(stored):
    container, manifest = stored
    with zipfile.ZipFile(container) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            f"{image}.jpg": content for image, content in CONTENT.items()
        }
    lines = manifest.read_text(encoding="utf-8").splitlines()
    rows = [dict(zip(containers.COLUMNS, line.split("\t"), strict=True)) for line in lines]
    assert [row["image"] for row in rows] == ["image", *CONTENT]
    content = CONTENT["n01558993_000"]
    assert rows[-1]["sha256"] == hashlib.sha256(content).hexdigest()
    assert int(rows[-1]["bytes"]) == len(content)


def test_container_holds_no_time_and_nothing_of_the_machine(stored):
    with zipfile.ZipFile(stored[0]) as archive:
        members = archive.infolist()
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}
    assert {(m.create_system, m.external_attr, m.extra, m.comment) for m in members} == {
        (3, 0o644 << 16, b"", b"")
    }

"""Containers of images: what is written is read back, damage is named."""

import zipfile

import pytest

from convscope.errors import UserError
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


def test_container_is_read_back(stored):
    container, manifest = stored
    table = containers.read_manifest(manifest)
    assert list(table) == ["n01532829_003", "n01532829_004", "n01558993_000"]
    row = table["n01558993_000"]
    assert (
        containers.read_image(container, "n01558993_000", row["sha256"]) == CONTENT["n01558993_000"]
    )
    with pytest.raises(UserError, match="sha256"):
        containers.read_image(container, "n01558993_000", "0" * 64)
    with pytest.raises(UserError, match="not in the container"):
        containers.read_image(container, "n01558993_009")


def test_container_holds_no_time_and_nothing_of_the_machine(stored):
    with zipfile.ZipFile(stored[0]) as archive:
        members = archive.infolist()
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}
    assert {(m.create_system, m.external_attr, m.extra, m.comment) for m in members} == {
        (3, 0o644 << 16, b"", b"")
    }


def test_damaged_containers_are_named(stored, tmp_path):
    container, manifest = stored
    content = bytearray(container.read_bytes())
    content[200] ^= 1
    container.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        containers.read_image(container, "n01532829_003")
    container.write_bytes(content[:300])
    with pytest.raises(UserError, match="damaged"):
        containers.read_image(container, "n01532829_003")
    manifest.write_text("image\tother\n", encoding="utf-8")
    with pytest.raises(UserError, match="not a manifest"):
        containers.read_manifest(manifest)
    for read in (containers.read_manifest, lambda path: containers.read_image(path, "x")):
        with pytest.raises(UserError, match="missing"):
            read(tmp_path / "nothing")

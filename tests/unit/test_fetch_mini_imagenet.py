"""Row groups of Mini-ImageNet, fetched from a stand-in hub."""

import csv
import dataclasses
import hashlib
import logging
import socket
import zipfile

import pytest

from convscope.errors import UserError
from convscope.fetching.mini_imagenet import fetch_row_group
from convscope.fetching.mini_imagenet_index import (
    WNIDS,
    DatasetFacts,
    SplitFacts,
    image_at,
)
from convscope.fetching.patience import Patience
from servers import serving, serving_hub, write_parquet, write_split

pytestmark = pytest.mark.usefixtures("no_proxy")
QUICK = Patience(connect_timeout=0.5, read_timeout=0.3, attempts=3, first_wait=0.01)
# 3 classes of 5 images in files of 8 and 7 rows, row groups of 3: 0-2 3-5 6-7 | 8-10 11-13 14.
SMALL = DatasetFacts(
    "owner/small", "a" * 40, WNIDS[:3], {"test": SplitFacts("test", 2, 5, 3, row_group_size=3)}
)


def image_of(image_id):
    return b"\xff\xd8\xff" + hashlib.sha256(image_id.encode()).digest() * 40


@pytest.fixture
def folder(tmp_path):
    write_split(tmp_path / "hub", SMALL, "test", image_of)
    return tmp_path / "hub"


@pytest.fixture
def hub(folder):
    with serving_hub(folder, SMALL.repository, SMALL.revision) as server:
        yield server


@pytest.fixture
def fetch(tmp_path, hub):
    def fetching(row_group=1, facts=SMALL, **options):
        places = {kind: tmp_path / "results" / kind for kind in ("container", "manifest")}
        options = {
            "endpoint": hub.base,
            "repository": SMALL.repository,
            "revision": SMALL.revision,
            "split": "test",
            "patience": QUICK,
            **options,
        }
        fetch_row_group(row_group=row_group, facts=facts, **places, **options)
        return places["container"], places["manifest"]

    return fetching


def refused(fetch, tmp_path, *words, **options):
    with pytest.raises(UserError) as caught:
        fetch(**options)
    for word in words:
        assert word in str(caught.value)
    results = tmp_path / "results"
    assert not results.exists() or list(results.iterdir()) == []


# --- row groups -----------------------------------------------------------------------------------


@pytest.mark.parametrize("row_group", range(6))
def test_row_group_arrives_byte_by_byte(fetch, row_group):
    container, manifest = fetch(row_group)
    rows = list(SMALL.split("test").row_groups[row_group])
    ids = [image_at(row, "test", SMALL) for row in rows]
    with zipfile.ZipFile(container) as archive:
        assert archive.namelist() == [f"{image}.jpg" for image in ids]
        assert all(member.compress_type == zipfile.ZIP_STORED for member in archive.infolist())
        for image in ids:
            assert archive.read(f"{image}.jpg") == image_of(image)
    table = list(csv.DictReader(manifest.open(encoding="utf-8"), delimiter="\t"))
    assert [row["image"] for row in table] == ids
    for row, line in zip(rows, table, strict=True):
        assert line["wnid"] == WNIDS[row // 5]
        assert (int(line["class_row"]), int(line["split_row"])) == (row % 5, row)
        assert line["sha256"] == hashlib.sha256(image_of(line["image"])).hexdigest()
        assert int(line["bytes"]) == len(image_of(line["image"]))


def test_same_row_group_twice_gives_the_same_bytes(fetch):
    first = [file.read_bytes() for file in fetch()]
    assert [file.read_bytes() for file in fetch()] == first


def test_terms_and_sender_are_said(fetch, hub, caplog):
    caplog.set_level(logging.INFO)
    fetch()
    assert "https://www.image-net.org/download.php" in caplog.text
    assert all(request.headers["User-Agent"].startswith("convscope/") for request in hub.requests)
    assert not any("authorization" in map(str.lower, r.headers) for r in hub.requests)


def test_only_one_row_group_travels(tmp_path):
    big = dataclasses.replace(SMALL, splits={"test": SplitFacts("test", 1, 40, 3, 10)})
    noise = {}

    def image(image_id):  # incompressible, 20 kB, so that footers weigh little
        return noise.setdefault(
            image_id,
            b"".join(hashlib.sha256(f"{image_id}{n}".encode()).digest() for n in range(640)),
        )

    write_split(tmp_path / "hub", big, "test", image)
    with serving_hub(tmp_path / "hub", big.repository, big.revision) as server:
        fetch_row_group(
            endpoint=server.base, repository=big.repository, revision=big.revision, split="test",
            row_group=4, container=tmp_path / "c", manifest=tmp_path / "m", facts=big,
        )  # fmt: skip
        asked = [r.headers.get("range") or r.headers["Range"] for r in server.asked("/resolve/")]
    ends = [tuple(map(int, text.removeprefix("bytes=").split("-"))) for text in asked]
    assert sum(stop - start + 1 for start, stop in ends) < 10 * 20480 + 70_000


def read_image(container, image):
    with zipfile.ZipFile(container) as archive:
        return archive.read(f"{image}.jpg")


def test_files_may_lie_behind_a_redirect(folder, fetch):
    with (
        serving(folder) as elsewhere,
        serving_hub(folder, SMALL.repository, SMALL.revision, elsewhere) as server,
    ):
        container, _ = fetch(endpoint=server.base)
        assert len(elsewhere.asked("data/")) >= 2
    assert read_image(container, "n01532829_003") == image_of("n01532829_003")


def test_files_cut_otherwise_give_the_same_images(folder, fetch, caplog):
    caplog.set_level(logging.INFO)
    for file in (folder / "data").iterdir():
        file.unlink()
    write_split(folder, SMALL, "test", image_of, cuts=[4, 6, 5])
    container, _ = fetch(1)
    with zipfile.ZipFile(container) as archive:
        ids = [image_at(row, "test", SMALL) for row in (3, 4, 5)]
        assert [archive.read(f"{image}.jpg") for image in ids] == [image_of(i) for i in ids]
    assert "cut otherwise" in caplog.text


# --- faults of the server -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["503", "429", "cut", "reset", "hang"])
@pytest.mark.parametrize("path", ["/tree/", "/resolve/"])
def test_passing_fault_is_tried_again(fetch, hub, kind, path, caplog):
    hub.fail(path, kind, times=2)
    container, _ = fetch()
    assert read_image(container, "n01532829_004") == image_of("n01532829_004")
    assert "attempt 2 of 3 failed" in caplog.text


@pytest.mark.parametrize(
    ("kind", "words"),
    [("503", "status 503"), ("cut", "after 3 attempts"), ("reset", "reset"), ("hang", "Timeout")],
)
def test_lasting_fault_ends_in_one_clear_message(fetch, hub, tmp_path, kind, words):
    hub.fail("/resolve/", kind)
    where = f"{hub.base}/datasets/owner/small@{'a' * 40}"
    refused(fetch, tmp_path, where, words, "after 3 attempts", "config/demo.yaml", "`source`")
    assert len(hub.asked("/resolve/")) == 3


@pytest.mark.parametrize("kind", ["whole", "shifted"])
def test_wrong_answer_to_a_range_is_refused_at_once(fetch, hub, tmp_path, kind):
    hub.fail("/resolve/", kind, ranges_only=True)
    refused(fetch, tmp_path, "doesn't serve ranges", "mirror", "-00000-of-00002.parquet")
    assert len(hub.asked("/resolve/")) == 1


@pytest.mark.parametrize(("kind", "words"), [("404", "no such file"), ("403", "refuses access")])
@pytest.mark.parametrize("path", ["/revision/", "/tree/", "/resolve/"])
def test_permanent_status_fails_at_once(fetch, hub, tmp_path, kind, words, path):
    hub.fail(path, kind)
    refused(fetch, tmp_path, words, f"status {kind}", hub.base)
    assert len(hub.asked(path)) == 1


def test_unknown_revision_fails_at_once(fetch, hub, tmp_path):
    refused(fetch, tmp_path, "b" * 40, "404", revision="b" * 40)


def test_no_network_fails_at_once_with_both_ways_out(fetch, tmp_path, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    words = ("unknown host hub.invalid", "local files", "config/demo.yaml")
    refused(fetch, tmp_path, *words, endpoint="https://hub.invalid")


def test_plain_server_behind_https_fails_at_once(fetch, hub, tmp_path):
    endpoint = hub.base.replace("http:", "https:")
    refused(fetch, tmp_path, "no secure connection", endpoint=endpoint)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"endpoint": "file:///mirror"}, "not an http or https address"),
        ({"repository": "small"}, "names no dataset"),
        ({"revision": "main/../x"}, "names no dataset"),
        ({"split": "tset"}, "unknown split 'tset'"),
        ({"row_group": 6}, "from 0 to 5"),
        ({"row_group": -1}, "from 0 to 5"),
    ],
)
def test_bad_arguments_are_named(fetch, hub, tmp_path, options, words):
    refused(fetch, tmp_path, words, **options)
    assert hub.requests == []


def test_offline_mode_is_respected(fetch, hub, tmp_path, monkeypatch):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    refused(fetch, tmp_path, "HF_HUB_OFFLINE")
    assert hub.requests == []


# --- what arrives is not what is known ------------------------------------------------------------


def rewrite(folder, *, rows=15, labels=None, names=SMALL.wnids, images=None):
    for file in (folder / "data").iterdir():
        file.unlink()
    labels = labels or [row // 5 for row in range(rows)]
    images = images or [image_of(str(row)) for row in range(rows)]
    write_parquet(folder / "data" / "test-00000-of-00001.parquet", images, labels, names, 3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rows": 14}, "14 rows, not 15"),
        ({"names": WNIDS[:2]}, "2 classes, not 3"),
        ({"names": (WNIDS[0], WNIDS[2], WNIDS[1])}, f"class 1 is {WNIDS[2]}, not {WNIDS[1]}"),
        (
            {"labels": [0] * 4 + [1] * 6 + [2] * 5},
            f"row 4 of split test is of class {WNIDS[1]}, not {WNIDS[0]}",
        ),
        ({"images": [b"x"] * 3 + [b""] + [b"x"] * 11}, "(n01532829_003) has no image"),
    ],
)
def test_other_data_are_refused_by_name(fetch, folder, tmp_path, change, words):
    rewrite(folder, **change)
    refused(fetch, tmp_path, words, "pinned")


def test_split_without_files_is_refused(fetch, folder, tmp_path):
    for file in (folder / "data").iterdir():
        file.rename(file.with_name(file.name.replace("test", "other")))
    refused(fetch, tmp_path, "no parquet files of split test")


@pytest.mark.parametrize("damage", [lambda b: b"PAR1" + b"\0" * 5000, lambda b: b[:-200]])
def test_damaged_parquet_is_refused(fetch, folder, tmp_path, damage):
    file = folder / "data" / "test-00000-of-00002.parquet"
    file.write_bytes(damage(file.read_bytes()))
    refused(fetch, tmp_path, "not a whole parquet file")

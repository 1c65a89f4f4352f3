"""Groups of images: what arrives is kept, what is there is not asked for, mistakes are named."""

import hashlib
import json
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from convscope.errors import UserError
from convscope.fetching import groups
from convscope.fetching.fetched import image_place, manifest_place, read_manifest
from convscope.fetching.groups import Address, fetch_group
from convscope.fetching.patience import Patience
from convscope.files import replacing
from convscope.planning import rows
from planning_toys import sheet_plan
from servers import serving

pytestmark = pytest.mark.usefixtures("no_proxy")
QUICK = Patience(connect_timeout=0.5, read_timeout=0.3, attempts=1)
CONTENTS = {f"{name}.jpg": name.encode() * 1000 for name in "abcdef"}


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    with serving(folder) as running:
        yield running


@pytest.fixture
def manifest(tmp_path):
    return manifest_place(tmp_path / "shared", "group")


def addresses(server, names="abcdef"):
    return [Address(server.url(f"{name}.jpg"), None) for name in names]


def sha256(name):
    return hashlib.sha256(CONTENTS[name]).hexdigest()


def fails(wanted, manifest, **options):
    with pytest.raises(UserError) as caught:
        fetch_group(wanted, manifest, patience=QUICK, **options)
    assert not manifest.exists()
    return str(caught.value)


@pytest.mark.parametrize("at_once", [1, 4])
def test_a_group_arrives_byte_by_byte_and_is_listed(server, manifest, at_once, caplog):
    caplog.set_level(logging.INFO)
    wanted = addresses(server)
    fetch_group(wanted, manifest, at_once=at_once, patience=QUICK)
    listed = read_manifest(manifest)
    assert list(listed) == sorted(address.source for address in wanted)
    for address, (name, content) in zip(wanted, CONTENTS.items(), strict=True):
        assert image_place(manifest, address.source).read_bytes() == content
        assert listed[address.source].sha256 == sha256(name)
        assert listed[address.source].size == len(content)
    assert "To pin images" in caplog.text
    assert "image-net.org" not in caplog.text


def test_the_order_of_a_group_changes_no_byte(server, manifest):
    fetch_group(addresses(server), manifest, patience=QUICK)
    before = manifest.read_bytes()
    fetch_group(addresses(server, "fedcba"), manifest, at_once=3, patience=QUICK)
    assert manifest.read_bytes() == before
    assert len(server.asked(".jpg")) == 6


def test_an_added_image_is_all_that_is_asked_for(server, manifest):
    fetch_group(addresses(server, "abc"), manifest, patience=QUICK)
    other = manifest_place(manifest.parents[2], "other")
    fetch_group(addresses(server, "abcd"), other, patience=QUICK)
    assert [request.path for request in server.asked(".jpg")][3:] == ["/d.jpg"]
    assert len(read_manifest(other)) == 4


def test_bad_images_are_named_with_their_rows_and_the_others_are_kept(server, manifest):
    server.fail("b.jpg", "404")
    wanted = [*addresses(server, "abc"), Address(server.url("d.jpg"), "1" * 64)]
    rows = {server.url("b.jpg"): "images.tsv, row 3"}
    said = fails(wanted, manifest, at_once=2, describe=lambda url: rows.get(url, ""))
    assert "2 of 4 images can't be fetched" in said
    assert f"images.tsv, row 3, {server.url('b.jpg')}: the server has no such file" in said
    assert f"{server.url('d.jpg')}: its sha256 is {sha256('d.jpg')}, not {'1' * 64}" in said
    kept = {path.parent.name for path in manifest.parents[2].glob("images/*/image")}
    assert kept == {wanted[0].source, wanted[2].source}
    server.faults.clear()
    fetch_group(wanted[:3], manifest, patience=QUICK)
    assert len(server.asked("a.jpg")) == len(server.asked("c.jpg")) == 1


def test_one_bad_image_is_one_plain_message(server, manifest):
    server.fail("b.jpg", "404")
    said = fails(addresses(server, "ab"), manifest)
    assert said.startswith(f"{server.url('b.jpg')}: the server has no such file")


def test_a_server_that_does_not_answer_is_said_once(server, manifest):
    nowhere = [Address(f"http://127.0.0.1:9/{number}.jpg", None) for number in range(20)]
    said = fails([*nowhere, *addresses(server, "a")], manifest, at_once=4)
    assert said.count("no connection") == 1
    assert len(list(manifest.parents[2].glob("images/*/image"))) == 1


def test_a_file_that_is_not_what_the_checksum_says_is_fetched_anew(server, manifest, caplog):
    wanted = [Address(server.url("a.jpg"), sha256("a.jpg"))]
    place = image_place(manifest, wanted[0].source)
    place.parent.mkdir(parents=True)
    place.write_bytes(b"damaged")
    fetch_group(wanted, manifest, patience=QUICK)
    assert place.read_bytes() == CONTENTS["a.jpg"]
    assert "is damaged" in caplog.text


def test_another_failure_stops_the_group(server, manifest, monkeypatch):
    def full(url, place, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(groups, "fetch_image", full)
    with pytest.raises(OSError, match="No space left"):
        fetch_group(addresses(server), manifest, patience=QUICK)


def test_imagenet_pictures_come_with_their_terms_once(server, manifest, caplog):
    caplog.set_level(logging.INFO)
    (server.folder / "imagenet-samples").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (server.folder / "imagenet-samples" / name).write_bytes(b"picture")
    fetch_group(addresses(server, ["imagenet-samples/a", "imagenet-samples/b"]), manifest)
    assert caplog.text.count("https://www.image-net.org/download.php") == 1


@pytest.mark.parametrize("text", ["", "image\n", "source\tsha256\tbytes\nabc\n", "\0\t\n"])
def test_a_damaged_manifest_is_named(manifest, text):
    manifest.parent.mkdir(parents=True)
    manifest.write_text(text)
    with pytest.raises(UserError, match="not a manifest of fetched images") as caught:
        read_manifest(manifest)
    assert str(manifest) in str(caught.value)


def test_the_row_of_a_url_is_found_for_messages(tmp_path, monkeypatch):
    monkeypatch.setenv(rows.SHEETS, "")
    assert rows.rows_of("https://example.org/0.jpg") == ""
    plan = sheet_plan(
        tmp_path,
        [("x", "https://example.org/0.jpg"), ("y", "{photographs}/1.jpg"), ("z", "https://a/")],
    )
    rows.tell_sheets(plan)
    based = plan.config["base_urls"]["photographs"]
    assert rows.rows_of(f"{based}/1.jpg") == f"{tmp_path}/sheet.tsv, row 3"
    assert rows.rows_of("https://example.org/2.jpg") == ""
    facts = json.loads(rows.os.environ[rows.SHEETS])
    monkeypatch.setenv(rows.SHEETS, json.dumps({**facts, "sheets": ["gone.tsv"]}))
    assert rows.rows_of("https://a/") == ""


def test_files_written_by_several_threads_get_the_users_mode(tmp_path):
    def write(number):
        with replacing(tmp_path / str(number)) as temporary:
            temporary.write_bytes(b"")
        return (tmp_path / str(number)).stat().st_mode & 0o777

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, range(200))) == {write("alone")}

"""The fetch scripts as the rules call them: command line, log, exit status."""

import errno
import hashlib
import os
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path

import pooch
import pytest

from convscope.fetching.fetched import image_place, read_manifest
from convscope.fetching.mini_imagenet_index import MINI_IMAGENET
from servers import serving, serving_hub, write_split

pytestmark = pytest.mark.usefixtures("no_proxy")
SCRIPTS = Path(__file__).parents[2] / "scripts"
LIMITS = ["--connect-timeout", "0.5", "--read-timeout", "0.3", "--attempts", "1"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    def running(script, *arguments):
        log = tmp_path / "logs" / f"{script}.log"
        line = [script, *map(str, arguments), "--log", str(log), *LIMITS]
        monkeypatch.setattr(sys, "argv", line)
        try:
            runpy.run_path(str(SCRIPTS / f"{script}.py"), run_name="__main__")
        except SystemExit as ended:
            return ended.code, log.read_text(encoding="utf-8")
        return 0, log.read_text(encoding="utf-8")

    return running


@pytest.fixture
def server(tmp_path):
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "cat.jpg").write_bytes(b"picture" * 100)
    with serving(tmp_path / "served") as server:
        yield server


@pytest.mark.parametrize(
    "extra",
    [
        ["--sha256", "", "--sha256-prefix", ""],
        ["--sha256", hashlib.sha256(b"picture" * 100).hexdigest()],
        ["--sha256-prefix", hashlib.sha256(b"picture" * 100).hexdigest()[:8]],
    ],
)
def test_weights_are_fetched(run, server, tmp_path, extra):
    output = tmp_path / "out" / "cat.pth"
    status, log = run("fetch_weights", "--url", server.url("cat.jpg"), "--output", output, *extra)
    assert status == 0
    assert output.read_bytes() == b"picture" * 100
    assert hashlib.sha256(output.read_bytes()).hexdigest() in log


@pytest.mark.parametrize("digest", ["", hashlib.sha256(b"picture" * 100).hexdigest()])
def test_images_are_fetched(run, server, tmp_path, digest):
    manifest = tmp_path / "out" / "image_groups" / "group" / "manifest.tsv"
    url = server.url("cat.jpg")
    status, log = run("fetch_images", "--image", url, digest, "--manifest", manifest)
    assert status == 0
    (image,) = read_manifest(manifest)
    assert image_place(manifest, image).read_bytes() == b"picture" * 100
    assert hashlib.sha256(b"picture" * 100).hexdigest() in log


def arguments_of(script, url, folder):
    if script == "fetch_weights":
        return ["--url", url, "--output", folder / "out" / "cat.jpg"]
    return ["--image", url, "", "--manifest", folder / "image_groups" / "group" / "manifest.tsv"]


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".log"]


@pytest.mark.parametrize("script", ["fetch_images", "fetch_weights"])
@pytest.mark.parametrize("kind", ["404", "503", "hang", "cut"])
def test_failure_is_one_message_in_the_log_and_status_1(run, server, tmp_path, script, kind):
    server.fail("cat.jpg", kind)
    status, log = run(script, *arguments_of(script, server.url("cat.jpg"), tmp_path / "out"))
    assert status == 1
    assert server.url("cat.jpg") in log
    assert "Traceback" not in log
    assert files_in(tmp_path / "out") == []


@pytest.mark.parametrize("script", ["fetch_images", "fetch_weights"])
def test_full_disk_leaves_nothing(run, server, tmp_path, monkeypatch, script):
    def full(self, url, output_file, pooch):
        Path(output_file).write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(output_file))

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", full)
    status, log = run(script, *arguments_of(script, server.url("cat.jpg"), tmp_path / "out"))
    assert status == 1
    assert "the disk is full" in log
    assert files_in(tmp_path / "out") == []


def test_row_group_of_the_real_layout_is_fetched(run, tmp_path):
    write_split(tmp_path / "hub", MINI_IMAGENET, "test", lambda image: f"jpeg {image}".encode())
    container, manifest = tmp_path / "out" / "images.zip", tmp_path / "out" / "manifest.tsv"
    with serving_hub(tmp_path / "hub", revision=MINI_IMAGENET.revision) as hub:
        status, log = run(
            "fetch_mini_imagenet",
            *("--endpoint", hub.base, "--repository", MINI_IMAGENET.repository),
            *("--revision", MINI_IMAGENET.revision, "--split", "test", "--row-group", 27),
            *("--container", container, "--manifest", manifest),
        )
    assert status == 0
    assert "https://www.image-net.org/download.php" in log
    assert "cut otherwise" not in log
    with zipfile.ZipFile(container) as archive:
        assert len(archive.namelist()) == 100
        first = f"{MINI_IMAGENET.wnids[54]}_000"
        assert archive.read(f"{first}.jpg") == f"jpeg {first}".encode()
    assert len(manifest.read_text(encoding="utf-8").splitlines()) == 101


def test_message_is_on_the_screen_too(server, tmp_path):
    server.fail("cat.jpg", "404")
    arguments = arguments_of("fetch_images", server.url("cat.jpg"), tmp_path / "out")
    command = [sys.executable, str(SCRIPTS / "fetch_images.py"), *map(str, arguments)]
    command += ["--log", str(tmp_path / "log")]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 1
    assert "status 404" in run.stderr
    assert "Traceback" not in run.stderr

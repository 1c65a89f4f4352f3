"""Images that cannot be used or fetched: the job says which and why, and leaves nothing."""

import hashlib

import pytest

from servers import serving

PREPARE = ("--until", "prepare_images", "--keep-going")


def assert_nothing_written(folder):
    """Check that there is neither a result nor a part of one."""
    written = [path for path in folder.glob("results/**/*") if path.is_file()]
    assert {path.suffix for path in written} <= {".log"}, written


def logs(folder, rule):
    return "\n".join(path.read_text() for path in folder.glob(f"results/*/logs/{rule}/**/*.log"))


def assert_said(outcome, log, *words):
    """Check that the screen and the log say it, without a traceback."""
    assert outcome.status != 0
    for word in words:
        assert word in outcome.text, outcome.text
        assert word in log, log
    assert "Traceback" not in outcome.text
    assert "Traceback" not in log


def test_bad_image_files_are_named(sheet):
    good = sheet.draw("good", 0).read_bytes()
    contents = {"text": b"hello", "cut": good[: len(good) // 2], "empty": b""}
    for name, content in contents.items():
        (sheet.folder / f"{name}.png").write_bytes(content)
    rows = sheet.rows([*contents, "good"], sha256="")
    rows[-1]["sha256"] = "0" * 64
    sheet.write(rows)
    outcome = sheet.project.run(*PREPARE, config=sheet.config(batch_size=1))
    log = logs(sheet.folder, "prepare_images")
    assert_said(outcome, log, *(f"{name}.png" for name in contents))
    assert_said(outcome, log, "truncated", f"{'0' * 64}", hashlib.sha256(good).hexdigest())
    assert_nothing_written(sheet.folder)


@pytest.fixture
def server(sheet, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    sheet.draw("there", 0, folder)
    with serving(folder) as running:
        yield running


def test_bad_downloads_are_named(sheet, server):
    rows = sheet.rows(["there", "gone"], server.url("{name}.png"), sha256="")
    rows[0]["sha256"] = "1" * 64
    sheet.write(rows)
    outcome = sheet.project.run(*PREPARE, config=sheet.config())
    log = logs(sheet.folder, "fetch_images")
    assert_said(outcome, log, server.url("there.png"), "1" * 64)
    assert_said(outcome, log, f"{server.url('gone.png')}: the server has no such file (status 404)")
    assert len(server.asked("gone.png")) == len(server.asked("there.png")) == 1
    assert_nothing_written(sheet.folder)


def test_without_a_network_the_two_ways_out_are_named_soon(sheet):
    sheet.write(sheet.rows(["far"], "http://127.0.0.1:9/far.png"))
    outcome = sheet.project.run("--until", "fetch_images", config=sheet.config(), timeout=30)
    log = logs(sheet.folder, "fetch_images")
    assert_said(outcome, log, "http://127.0.0.1:9/far.png", "local files", "config/demo.yaml")
    assert_nothing_written(sheet.folder)

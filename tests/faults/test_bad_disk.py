"""A full disk and read-only results: said plainly, nothing half-written, and mended by a rerun."""

import subprocess

PREPARE = ("--until", "prepare_images")


def remount(place, options):
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)


def test_a_full_disk_is_said_and_leaves_nothing_half_written(sheet, small_results):
    for seed, name in enumerate("ab"):
        sheet.draw(name, seed)
    sheet.write(sheet.rows("ab"))
    place = small_results("size=64k")
    config = sheet.config()
    outcome = sheet.project.run(*PREPARE, config=config)
    assert outcome.status != 0
    assert "the disk is full" in outcome.text
    assert "Traceback" not in outcome.text
    assert not [path for path in place.rglob("*") if path.suffix in (".h5", ".part")]
    remount(place, "size=16m")
    assert sheet.project.run(*PREPARE, config=config).status == 0
    assert list(place.rglob("images.h5"))


def test_read_only_results_are_said(sheet, small_results):
    sheet.draw("a", 0)
    sheet.write(sheet.rows("a"))
    place = small_results("size=1m,ro")
    outcome = sheet.project.run(*PREPARE, config=sheet.config())
    assert outcome.status != 0
    assert "read-only" in outcome.text.lower()
    assert str(place.name) in outcome.text
    assert not list(place.rglob("*"))

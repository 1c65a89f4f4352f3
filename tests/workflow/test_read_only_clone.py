"""A clone that nobody may write to, run in a folder elsewhere."""

import subprocess

import pytest

from projects import Project
from snakemake_runs import copy_repository


@pytest.fixture
def clone(tmp_path):
    """Return a read-only copy of the repository that has never been run."""
    copy = copy_repository(tmp_path / "clone")
    mounted = called("mount", "--bind", copy, copy)
    if mounted.returncode:
        pytest.skip(f"this user cannot mount a folder: {mounted.stderr.strip()}")
    assert called("mount", "-o", "remount,bind,ro", copy).returncode == 0
    yield copy
    assert called("umount", copy).returncode == 0


def called(*command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


def test_a_read_only_clone_runs_in_another_folder(clone, tmp_path):
    with pytest.raises(OSError, match="Read-only"):
        (clone / "file").write_text("")
    project = Project(clone, tmp_path / "elsewhere")
    outcome = project.run("--until", "draw_scenes")
    assert outcome.status == 0, outcome.text
    assert list(project.directory.glob("results/tiny/scenes/*/scenes.h5"))
    assert project.run("-n", "--until", "draw_scenes").jobs == {}

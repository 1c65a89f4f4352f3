"""A copy of the repository, its finished tiny run, and folders to run it in: shared fixtures."""

import shutil
import subprocess

import pytest

from projects import Project, Sheet
from snakemake_runs import copy_repository


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    """Return a copy of the repository; who edits it restores it. Its path is an unusual one."""
    return copy_repository(tmp_path_factory.mktemp("copy") / "the répository")


@pytest.fixture
def project(repository, tmp_path):
    """Return an empty folder to run the copy in."""
    return Project(repository, tmp_path)


@pytest.fixture(scope="session")
def finished(repository, tmp_path_factory):
    """Return the finished tiny run, for reading only: dry runs and copies."""
    done = Project(repository, tmp_path_factory.mktemp("finished run é"))
    outcome = done.run("--set-threads", "extract_features=1")
    assert outcome.status == 0, outcome.text
    return done


@pytest.fixture
def copy_of_finished(finished, tmp_path):
    """Return a copy of the finished run that a test may damage."""
    shutil.copytree(finished.directory, tmp_path / "run", symlinks=True)
    return Project(finished.repository, tmp_path / "run")


@pytest.fixture
def sheet(project):
    """Return an empty sample sheet in an empty folder."""
    return Sheet(project.directory, project)


@pytest.fixture
def small_results(tmp_path):
    """Return a function that mounts a small file system as ``results``, full soon or read-only."""
    mounted = []

    def mount(options):
        place = tmp_path / "results"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"this user cannot mount a file system: {done.stderr.strip()}")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", str(place)], check=True)

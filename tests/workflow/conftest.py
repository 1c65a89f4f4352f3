"""A copy of the repository, its finished tiny run, and folders to run it in."""

import shutil
import subprocess

import pytest
import yaml

from projects import Project, Sheet
from snakemake_runs import ROOT, TINY, copy_repository, merged


def laid_over(tmp_path_factory, overlay):
    """Write the tiny experiment with an overlay on top; return the file."""
    path = tmp_path_factory.mktemp("config") / "config.yaml"
    files = (TINY, ROOT / "tests/workflow" / overlay)
    documents = [yaml.safe_load(file.read_text()) for file in files]
    path.write_text(yaml.safe_dump(merged(*documents)))
    return path


def gone_on(finished, config, tmp_path_factory):
    """Run another experiment in a copy of the finished one, whose trained weights it shares."""
    directory = tmp_path_factory.mktemp("gone_on") / "run"
    shutil.copytree(finished.directory, directory, symlinks=True)
    done = Project(finished.repository, directory)
    outcome = done.run(config=config)
    assert outcome.status == 0, outcome.text
    assert "train_reference" not in outcome.rules
    return done


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


@pytest.fixture(scope="session")
def tiny_deconvnet(tmp_path_factory):
    """Return the tiny experiment with projections."""
    return laid_over(tmp_path_factory, "tiny_deconvnet.yaml")


@pytest.fixture(scope="session")
def projected(finished, tiny_deconvnet, tmp_path_factory):
    """Return the finished run with projections; it shares the weights with `finished`."""
    return gone_on(finished, tiny_deconvnet, tmp_path_factory)


@pytest.fixture(scope="session")
def tiny_invariance(tmp_path_factory):
    """Return the tiny experiment with curves and correspondence."""
    return laid_over(tmp_path_factory, "tiny_invariance.yaml")


@pytest.fixture(scope="session")
def moved(finished, tiny_invariance, tmp_path_factory):
    """Return the finished run with curves; it shares the weights with `finished`."""
    return gone_on(finished, tiny_invariance, tmp_path_factory)


@pytest.fixture(scope="session")
def tiny_occlusion(tmp_path_factory):
    """Return the tiny experiment with occlusion maps."""
    return laid_over(tmp_path_factory, "tiny_occlusion.yaml")


@pytest.fixture(scope="session")
def occluded(finished, tiny_occlusion, tmp_path_factory):
    """Return the finished run with occlusion maps; it shares the weights with `finished`."""
    return gone_on(finished, tiny_occlusion, tmp_path_factory)


@pytest.fixture(scope="session")
def tiny_synthesis(tmp_path_factory):
    """Return the tiny experiment with maximised classes and inverted layers."""
    return laid_over(tmp_path_factory, "tiny_synthesis.yaml")


@pytest.fixture(scope="session")
def synthesised(finished, tiny_synthesis, tmp_path_factory):
    """Return the finished run with maximised classes and inverted layers."""
    return gone_on(finished, tiny_synthesis, tmp_path_factory)


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

"""A copy of the repository, its finished tiny run, and folders to run it in."""

import shutil

import pytest
import yaml

from projects import Project
from snakemake_runs import ROOT, TINY, merged


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

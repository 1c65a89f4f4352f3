"""SIGKILL of a synthesis half-way, then the same command: it goes on, to the same bytes."""

import shutil
import time

import pytest

from background_runs import PATIENCE, Running
from projects import Project
from snakemake_runs import result_hashes


@pytest.fixture
def half_done(synthesised, tmp_path):
    """Return a copy of the finished run in which a class is still to be maximised."""
    copy = Project(synthesised.repository, tmp_path / "run")
    shutil.copytree(synthesised.directory, copy.directory, symlinks=True)
    results = copy.directory / "results/tiny_synthesis"
    for name in ("maximisation", "maximisation_tables"):
        shutil.rmtree(results / name)
    return copy


def checkpoint_of(folder):
    """Return the checkpoint of a job when it has come up."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = list(folder.glob("checkpoint.*.safetensors"))
        if found:
            return found[0]
        time.sleep(0.002)
    pytest.fail("no checkpoint was written")


def test_a_killed_maximisation_goes_on_from_its_checkpoint(synthesised, half_done, tiny_synthesis):
    results = half_done.directory / "results/tiny_synthesis"
    run = Running(half_done, tiny_synthesis)
    job = run.job("maximise_class")
    checkpoint = checkpoint_of(results / "maximisation/small/0")
    job.kill()
    assert run.process.wait(PATIENCE) != 0
    assert "died with <Signals.SIGKILL: 9>" in run.log.read_text()
    assert checkpoint.is_file()
    assert not (results / "maximisation/small/0/maximisation.h5").exists()
    again = half_done.run(config=tiny_synthesis)
    assert again.status == 0, again.text
    log = (results / "logs/maximise_class/small/0.log").read_text()
    assert "going on from iteration" in log
    assert result_hashes(half_done.directory) == result_hashes(synthesised.directory)
    assert not list(results.rglob("checkpoint*"))
    assert half_done.run("-n", config=tiny_synthesis).nothing_to_do

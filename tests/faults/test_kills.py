"""SIGKILL at any moment, then the same command again: the results of an undisturbed run."""

import os
import random
import shutil
import time

import pytest

from background_runs import Running
from snakemake_runs import result_hashes


@pytest.fixture
def half_done(copy_of_finished):
    """Return a run in which the training, and all that follows, is still to be done."""
    results = copy_of_finished.directory / "results"
    shutil.rmtree(results / "shared")
    for name in ("networks", "features", "predictions", "report"):
        shutil.rmtree(results / "tiny" / name)
    return copy_of_finished


@pytest.mark.parametrize("seed", range(int(os.environ.get("CONVSCOPE_KILLS", "1"))))
def test_killed_jobs_and_a_killed_snakemake_leave_no_trace(finished, half_done, seed):
    """A training and an extraction are killed, then Snakemake itself, then all is run again.

    ``CONVSCOPE_KILLS=20 pytest ...`` does so at twenty times as many moments.
    """
    moments = random.Random(seed)
    folder = half_done.directory
    for script in ("train_reference", "extract_features"):
        run = Running(half_done)
        assert run.kill_job(script, moments.uniform(0.2, 2)) != 0
        assert "died with <Signals.SIGKILL: 9>" in run.log.read_text()
        assert whole(finished.directory, folder)
    run = Running(half_done)
    job = run.job("extract_features")
    job.suspend()
    second = half_done.run()
    assert second.status != 0
    assert "LockException" in second.text
    job.resume()
    time.sleep(moments.uniform(0.2, 2))
    run.kill_everything()
    assert whole(finished.directory, folder)
    refused = half_done.run()
    assert refused.status != 0
    assert "LockException" in refused.text
    assert half_done.run("--unlock").status == 0
    again = half_done.run("--rerun-incomplete", "--set-threads", "extract_features=1")
    assert again.status == 0, again.text
    assert result_hashes(folder) == result_hashes(finished.directory)
    assert half_done.run("-n").nothing_to_do


def whole(finished, folder):
    """Return whether every file under a final name is that of the undisturbed run."""
    expected = result_hashes(finished)
    found = {
        name: digest
        for name, digest in result_hashes(folder).items()
        if not name.endswith((".part", ".snakemake_timestamp"))
    }
    return found.items() <= expected.items()

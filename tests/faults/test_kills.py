"""SIGKILL at any moment, then the same command again: the results of an undisturbed run."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from snakemake_runs import TINY, result_hashes

PATIENCE = 120.0
"""Seconds after which a process that does not show up is given up."""


class Running:
    """A Snakemake in the background, whose processes can be found and killed."""

    def __init__(self, project):
        self.project = project
        command = [
            *(sys.executable, "-m", "snakemake", "-s", str(project.repository / "Snakefile")),
            *("--directory", str(project.directory), "--cores", "2", "--configfile", str(TINY)),
            *("--set-threads", "extract_features=1"),
        ]
        self.log = project.directory / "killed.log"
        with self.log.open("w") as stream:
            self.process = subprocess.Popen(
                command,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
                env={key: os.environ[key] for key in os.environ if key != "PYTHONPATH"},
            )

    def job(self, script):
        """Return the process of a job when it has come up."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                try:
                    line = child.cmdline()
                except psutil.Error:
                    continue
                if line[1:] and "python" in line[0] and line[1].endswith(f".{script}.py"):
                    return child
            time.sleep(0.02)
        pytest.fail(f"no process of {script} came up:\n{self.log.read_text()}")

    def kill_job(self, script, delay):
        job = self.job(script)
        time.sleep(delay)
        job.kill()
        return self.process.wait(PATIENCE)

    def kill_everything(self):
        """Kill Snakemake and all of its jobs, as a machine that loses power does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)


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

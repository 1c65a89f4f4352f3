"""Snakemake in the background, whose jobs can be found and killed."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from snakemake_runs import TINY

PATIENCE = 120.0
"""Seconds after which a process that does not show up is given up."""


class Running:
    """A Snakemake in the background, whose processes can be found and killed."""

    def __init__(self, project, config=TINY):
        self.project = project
        command = [
            *(sys.executable, "-m", "snakemake", "-s", str(project.repository / "Snakefile")),
            *("--directory", str(project.directory), "--cores", "2", "--configfile", str(config)),
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

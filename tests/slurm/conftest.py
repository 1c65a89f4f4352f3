"""A SLURM for the session, where its programs are installed, and Snakemake with the profile."""

import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import ClassVar

import pytest

from slurm_cluster import Cluster, missing
from slurm_profile import PROFILE

PATIENCE = 600.0


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """Return a running SLURM with nothing in its queue."""
    absent = missing()
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        absent.append("snakemake-executor-plugin-slurm")
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}; see workflow/profiles/README.md")
    running = Cluster(tmp_path_factory.mktemp("slurm") / "files")
    try:
        running.start()
        yield running
    finally:
        running.stop()


class Run:
    """Snakemake on the login node, in the background."""

    numbers: ClassVar = count()

    def __init__(
        self, cluster: Cluster, directory: Path, *arguments: str, profile: Path = PROFILE
    ) -> None:
        self.cluster = cluster
        self.directory = directory
        directory.mkdir(exist_ok=True)
        self.log = directory.parent / f"said-{next(self.numbers)}.log"
        command = [
            *(sys.executable, str(Path(__file__).with_name("snakemake_that_looks_often.py"))),
            *("--workflow-profile", str(profile)),
            *("--directory", str(directory), *arguments),
        ]
        environment = {
            name: value
            for name, value in cluster.environment.items()
            if name != "PYTHONPATH" and "proxy" not in name.lower()
        }
        with self.log.open("w") as stream:
            self.process = subprocess.Popen(
                command,
                cwd=directory,
                env=environment,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        """What it has said so far."""
        return self.log.read_text()

    @property
    def name(self) -> str | None:
        """What its jobs are called in SLURM; None until it has said so."""
        found = re.search(r"SLURM run ID: (\S+)", self.text)
        return found and found[1]

    def jobs(self, rule: str) -> list[dict[str, str]]:
        """Return the SLURM jobs of a rule in this run, the oldest first."""
        name = self.name
        if name is None:
            return []
        mine = [job for job in self.cluster.jobs() if job["JobName"] == name]
        return [job for job in mine if re.match(rf"rule_{rule}(_wildcards|$)", job["Comment"])]

    def wait_for(self, happened) -> None:
        """Wait until something has happened; fail if the run ends before."""
        end = time.monotonic() + PATIENCE
        while not happened():
            assert self.process.poll() is None, self.text
            assert time.monotonic() < end, self.text
            time.sleep(0.2)

    def end(self) -> int:
        """Return the status when it has ended."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            pytest.fail(self.text)

    def kill(self) -> None:
        """End Snakemake as a login node that goes down does; what SLURM has goes on."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def start(cluster):
    """Return a function that starts Snakemake with the profile; what is left is killed."""
    runs = []

    def starting(directory, *arguments, **keywords):
        runs.append(Run(cluster, directory, *arguments, **keywords))
        return runs[-1]

    yield starting
    for run in runs:
        if run.process.poll() is None:
            run.kill()
    cluster.call("scancel", "--user", str(os.getuid()))
    cluster.wait(lambda: not cluster.call("squeue", "--noheader"), may_fail=True)

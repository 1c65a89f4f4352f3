"""A whole SLURM on this machine: two nodes, one pretended GPU, no accounts; any user may start it.

    python tests/slurm_cluster.py FOLDER COMMAND...

runs a command with it (``bash``, for instance) and stops it afterwards.
"""

import getpass
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

NEEDED = ("slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel", "sinfo")
PATIENCE = 60.0
NODES = ("gpu1", "cpu1")
CONFIG = """
ClusterName=here
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
CredType=cred/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
MpiDefault=none
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SlurmdTimeout=10
KillWait=2
MinJobAge=3000
MessageTimeout=4
ReturnToService=2
SchedulerParameters=sched_interval=5
GresTypes=gpu
NodeName=DEFAULT CPUs=16 RealMemory=64000
NodeName=gpu1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} Weight=10 Gres=gpu:1
NodeName=cpu1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]}
PartitionName=all Nodes=ALL Default=YES DefaultTime=10 MaxTime=600
PartitionName=gpu Nodes=gpu1 DefaultTime=10 MaxTime=600
"""

SACCT = """for name; do :; done
exec squeue --format="%i|%T" --states=all --noheader --name "$name"
"""


def missing() -> list[str]:
    """Return the programs that are needed and not there."""
    return [name for name in NEEDED if shutil.which(name) is None]


class Cluster:
    """A SLURM whose files are all in one folder; its own ports and its own ``SLURM_CONF``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "PATH": path}

    def start(self) -> None:
        """Write the configuration, start the controller and the nodes, wait until all is idle."""
        for name in ("state", "bin", *(f"spool-{node}" for node in NODES)):
            (self.folder / name).mkdir(parents=True)
        text = CONFIG.format(
            host=socket.gethostname().split(".")[0],
            user=getpass.getuser(),
            folder=self.folder,
            ports=free_ports(3),
        )
        (self.folder / "slurm.conf").write_text(text)
        conf = shlex.quote(self.environment["SLURM_CONF"])
        # The plugin takes SLURM_CONF from the environment in which a job starts its step.
        self.write_program("srun", f'SLURM_CONF={conf} exec {shutil.which("srun")} "$@"')
        # It asks sacct while the controller is away; there are no accounts here to answer.
        self.write_program("sacct", SACCT)
        # A GPU is a character device to SLURM, and this one is never opened.
        (self.folder / "gres.conf").write_text("NodeName=gpu1 Name=gpu File=/dev/null\n")
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        self.wait(lambda: self.call("sinfo", "-h", "-o", "%t", "-p", "all") == "idle")

    def write_program(self, name: str, script: str) -> None:
        """Write a program that is found before SLURM's own."""
        file = self.folder / "bin" / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def stop(self) -> None:
        """Cancel all jobs and end all daemons."""
        self.call("scancel", "--user", getpass.getuser())
        self.wait(lambda: not self.call("squeue", "--noheader"), may_fail=True)
        for name in (*(f"slurmd-{node}" for node in NODES), "slurmctld"):
            self.end(name)
        self.kill_processes(*NODES)

    def start_controller(self) -> None:
        """Start the controller and wait until it answers."""
        self.call("slurmctld", check=True)
        self.wait(lambda: "is UP" in self.call("scontrol", "ping"))

    def start_node(self, node: str) -> None:
        """Start the daemon of a node."""
        self.call("slurmd", "-N", node, check=True)

    def lose_node(self, node: str) -> None:
        """End a node and all that runs on it, as a power cut does."""
        self.end(f"slurmd-{node}", signal=9)
        self.kill_processes(node)

    def kill_processes(self, *nodes: str) -> None:
        """Kill what runs on nodes: first those who would tell the controller, then the jobs."""
        supervisors, jobs = [], []
        for process in psutil.process_iter():
            try:
                if process.name().startswith("slurmstepd"):
                    sockets = [one.laddr for one in process.net_connections("unix")]
                    spools = [f"{self.folder}/spool-{node}/" for node in nodes]
                    if any(spool in str(path) for path in sockets for spool in spools):
                        supervisors.append(process.pid)
                else:
                    environment = process.environ()
                    mine = str(self.folder) in environment.get("PATH", "")
                    if mine and environment.get("SLURMD_NODENAME") in nodes:
                        jobs.append(process.pid)
            except psutil.Error:
                continue
        for process in (*supervisors, *jobs):
            with suppress(ProcessLookupError):
                os.kill(process, 9)

    def end(self, daemon: str, signal: int = 15) -> None:
        """Send a signal to a daemon (``slurmctld``, ``slurmd-cpu1``) and wait until it is gone."""
        file = self.folder / f"{daemon}.pid"
        if not file.exists():
            return
        process = int(file.read_text())
        try:
            os.kill(process, signal)
        except ProcessLookupError:
            return
        self.wait(lambda: not running(process))
        file.unlink(missing_ok=True)

    def call(self, *command: str, check: bool = False) -> str:
        """Return what one of SLURM's commands says."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=60
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def jobs(self) -> list[dict[str, str]]:
        """Return what SLURM knows of all jobs, the oldest first."""
        text = self.call("scontrol", "--oneliner", "show", "jobs")
        found = [
            dict(field.split("=", 1) for field in line.split(" ") if "=" in field)
            for line in text.splitlines()
            if line.startswith("JobId=")
        ]
        return sorted(found, key=lambda job: int(job["JobId"]))

    def wait(self, happened, *, may_fail: bool = False, patience: float = PATIENCE) -> None:
        """Wait until something has happened."""
        end = time.monotonic() + patience
        while not happened():
            if time.monotonic() > end:
                if may_fail:
                    return
                raise TimeoutError(f"SLURM did not get there; see {self.folder}/*.log")
            time.sleep(0.1)


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def running(process: int) -> bool:
    """Return whether a process is there and not just waiting to be buried."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def main() -> int:
    """Run the command line."""
    if absent := missing():
        sys.exit(f"not installed: {', '.join(absent)} (Debian: slurmctld slurmd slurm-client)")
    folder = Path(sys.argv[1]).resolve()
    cluster = Cluster(folder)
    try:
        cluster.start()
        return subprocess.run(sys.argv[2:], env=cluster.environment, check=False).returncode
    finally:
        cluster.stop()


if __name__ == "__main__":
    sys.exit(main())

"""GPUs of one machine: never two jobs on one, none lost when a job is killed."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from convscope import devices, leases
from convscope.errors import UserError
from convscope.leases import gpu_names, lease, leased_gpu
from snakemake_runs import ROOT

GPUS = "0,1,2"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(leases.FOLDER, str(tmp_path))
    monkeypatch.delenv(leases.VISIBLE, raising=False)
    yield
    if leases._held.cache_info().currsize:
        leases._held(3, None).lock.release(force=True)
    leases._held.cache_clear()
    leased_gpu.cache_clear()


@pytest.fixture
def start(tmp_path):
    running = []

    def starting(rounds, seed, names=GPUS):
        paths = [str(ROOT / "scripts"), str(ROOT / "tests")]
        command = [sys.executable, ROOT / "tests/lease_holder.py", tmp_path, names, rounds, seed]
        process = subprocess.Popen(
            list(map(str, command)),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield starting
    for process in running:
        process.kill()
        process.wait()
        process.stderr.close()


def test_never_two_jobs_on_a_gpu_and_none_lost_by_kills(start, tmp_path):
    """Eight processes, three GPUs; at random moments one is killed and another takes its place."""
    chance = random.Random(7)
    running = [start(100_000, seed) for seed in range(8)]
    leased = tmp_path / "leases"
    for kill in range(24):
        before = leased.stat().st_size if leased.exists() else 0
        while not leased.exists() or leased.stat().st_size < before + 40:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.02))
        victim = running.pop(chance.randrange(len(running)))
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        assert victim.stderr.read() == ""
        running.append(start(100_000, 100 + kill))
    for process in running:
        assert process.poll() is None, process.stderr.read()
        process.kill()
        process.wait()
    # None is lost: all three can be had at once again.
    held = [lease(GPUS.split(","), tmp_path) for _ in range(3)]
    assert sorted(one.place for one in held) == [0, 1, 2]
    assert set(leased.read_text().split()) == {"0", "1", "2"}


def test_a_job_waits_for_a_gpu_and_says_so(start, tmp_path, caplog):
    caplog.set_level("INFO")
    held = lease(["0"], tmp_path)
    waiting = start(1, 0, names="0")
    time.sleep(0.3)
    assert waiting.poll() is None
    held.lock.release()
    assert waiting.wait(60) == 0
    assert "GPU 0 leased (1 to choose from)" in caplog.text


@pytest.mark.parametrize(
    ("count", "visible", "names"),
    [
        (3, None, ["0", "1", "2"]),
        (2, "1,3", ["1", "3"]),
        (2, " GPU-aa , MIG-bb ", ["GPU-aa", "MIG-bb"]),
        # What follows a mistake is not seen by CUDA.
        (1, "2,-1,3", ["2"]),
        (2, "", ["0", "1"]),
    ],
)
def test_gpus_are_known_by_the_names_that_others_know(count, visible, names):
    assert gpu_names(count, visible) == names


def test_one_visible_device_is_not_leased(monkeypatch, tmp_path):
    for visible in ("0", "3", "GPU-aa"):
        monkeypatch.setenv(leases.VISIBLE, visible)
        assert leased_gpu(1) == 0
        leased_gpu.cache_clear()
    assert list(tmp_path.iterdir()) == []


def test_a_process_keeps_one_gpu_and_the_device_is_current(monkeypatch, tmp_path):
    current = []
    pretended = SimpleNamespace(
        is_available=lambda: True,
        device_count=lambda: 3,
        set_device=current.append,
        get_device_name=str,
    )
    monkeypatch.setattr(torch, "cuda", pretended)
    other = lease(GPUS.split(","), tmp_path)
    assert other.place == 0
    for _ in range(2):
        assert devices.choose_device(1) == torch.device("cuda", 1)
    assert current == [torch.device("cuda", 1)] * 2
    other.lock.release()


def test_without_a_gpu_nothing_is_leased(tmp_path):
    assert devices.choose_device(0) == torch.device("cpu")
    assert list(tmp_path.iterdir()) == []


def test_lock_files_are_for_all_users(tmp_path):
    mask = os.umask(0o077)
    try:
        held = lease(["GPU-1/2"], tmp_path)
    finally:
        os.umask(mask)
    (file,) = tmp_path.iterdir()
    assert file.name == "convscope-gpu-GPU-1_2.lock"
    assert file.stat().st_mode & 0o777 == 0o666
    held.lock.release()


def test_a_folder_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=leases.FOLDER) as caught:
        lease(["0"], tmp_path / "file")
    assert str(Path(tmp_path, "file")) in str(caught.value)

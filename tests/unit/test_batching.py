"""A batch that does not fit the memory is halved, and nothing is lost or done for nothing."""

import json
import logging
import os
import resource
import subprocess
import sys
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch

from convscope.batching import BatchSize, is_out_of_memory
from convscope.errors import UserError
from convscope.jobs import running
from convscope.memory_limits import limit_memory
from snakemake_runs import ROOT

SCRIPT = str(ROOT / "scripts/extract_features.py")
OUT_OF_MEMORY = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
]


def work_through(count, at_once, fits, error=None):
    """Return the batches that were done, and all that were tried."""
    size = BatchSize(at_once)
    done, tried = [], []
    for rows in size.over(count):
        with size.fitting():
            tried.append(rows.stop - rows.start)
            if rows.stop - rows.start > fits:
                raise error or MemoryError
            done.append(rows)
    return [number for rows in done for number in range(rows.start, rows.stop)], tried


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Leave the garbage alone: there is much in a process that has run other tests."""
    monkeypatch.setattr("convscope.batching.gc", SimpleNamespace(collect=lambda: 0))


@pytest.mark.parametrize("count", [0, 1, 5, 64, 100])
@pytest.mark.parametrize("at_once", [1, 7, 64])
@pytest.mark.parametrize("fits", [1, 3, 64])
def test_every_item_is_done_once_and_in_order(count, at_once, fits):
    done, tried = work_through(count, at_once, fits)
    assert done == list(range(count))
    assert all(later <= earlier for earlier, later in pairwise(tried))


def test_the_batch_is_halved_until_it_fits_and_stays_so(caplog):
    caplog.set_level(logging.INFO)
    assert work_through(20, 16, 5)[1] == [16, 8, 4, 4, 4, 4, 4]
    assert "out of memory with 16 images at once: going on with 8" in caplog.text
    assert len(caplog.records) == 2


def test_a_smaller_last_batch_counts_as_what_it_is():
    assert work_through(3, 64, 2)[1] == [3, 1, 1, 1]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: type(error).__name__)
def test_one_that_does_not_fit_is_the_end(error):
    assert is_out_of_memory(error)
    with pytest.raises(UserError, match="one of the images: out of memory") as caught:
        work_through(4, 4, 0, error)
    assert "mem_mb" in caught.value.remedy


@pytest.mark.parametrize("error", [ValueError("memory"), RuntimeError("shape"), OSError(12, "")])
def test_other_failures_pass(error):
    assert not is_out_of_memory(error)
    with pytest.raises(type(error)):
        work_through(4, 4, 0, error)


def test_a_job_that_runs_out_of_memory_says_what_to_do(tmp_path):
    with pytest.raises(SystemExit), running(SCRIPT, str(tmp_path / "job.log")):
        raise MemoryError
    text = (tmp_path / "job.log").read_text()
    assert "the job: out of memory (MemoryError). Give the job more memory" in text
    assert "Traceback" not in text


LIMITED = """
import json, resource
import torch
from convscope.batching import BatchSize
from convscope.memory_limits import data_size, limit_memory

resource.setrlimit(resource.RLIMIT_RSS, (1500 << 20, -1))
torch.set_num_threads(1)
limit = limit_memory()
size = BatchSize(64)
for rows in size.over(64):
    with size.fitting():
        torch.ones((rows.stop - rows.start) * 8 << 20, dtype=torch.uint8)
print(json.dumps([limit, data_size(), size.at_once]))
"""


def test_a_slurm_jobs_memory_is_a_limit_that_batches_heed():
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], env=environment, capture_output=True, text=True, check=True
    )
    limit, used, at_once = json.loads(done.stdout)
    assert limit == 1200 << 20
    room = (limit - used) >> 23
    assert 1 <= at_once < 64
    assert at_once <= room + 8 < 4 * at_once + 16


def test_without_a_grant_no_limit_is_set():
    assert resource.getrlimit(resource.RLIMIT_RSS)[0] == resource.RLIM_INFINITY
    assert limit_memory() is None


@pytest.mark.parametrize("granted", [1 << 20, 400 << 20])
def test_a_grant_below_what_is_used_sets_no_limit_but_says_so(granted, monkeypatch, caplog):
    monkeypatch.setattr(resource, "getrlimit", lambda which: (granted, -1))
    assert limit_memory() is None
    assert "little memory" in caplog.text

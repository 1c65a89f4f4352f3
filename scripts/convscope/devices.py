"""Where and how numbers are made: the device, the threads, full float32 precision."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from convscope.leases import leased_gpu
from convscope.memory_limits import limit_memory

LOGGER = logging.getLogger(__name__)


def choose_device(gpu: int) -> torch.device:
    """Return a CUDA device when the job holds a GPU and one is there, else the CPU, and say so.

    Of several GPUs the process gets one to itself until it ends (see ``convscope.leases``), and it
    is the current one. On the CPU, a SLURM job's process is limited to the job's memory.

    Parameters
    ----------
    gpu
        The job's ``gpu`` resource; ``--resources gpu=0`` makes it 0.
    """
    if gpu < 1:
        LOGGER.info("device: CPU (the job was given no GPU)")
        limit_memory()
        return torch.device("cpu")
    if not torch.cuda.is_available():
        LOGGER.warning("device: CPU, because no CUDA device is there; this is slower")
        limit_memory()
        return torch.device("cpu")
    device = torch.device("cuda", leased_gpu(torch.cuda.device_count()))
    torch.cuda.set_device(device)
    LOGGER.info("device: %s, %s", device, torch.cuda.get_device_name(device))
    return device


def usable_cores() -> int:
    """Return how many cores this process may use (its affinity, not the machine's number)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def computing(threads: int) -> Iterator[None]:
    """Run the block on ``threads`` threads, deterministically, with TF32 and bf16 off.

    More threads than the process has cores are cut to the cores, and said.
    """
    allowed = min(threads, usable_cores())
    if allowed < threads:
        LOGGER.info("threads: %d, as many cores as this process may use", allowed)
    before = (
        torch.get_num_threads(),
        torch.backends.cudnn.deterministic,
        torch.backends.cudnn.benchmark,
        torch.backends.cuda.matmul.allow_tf32,
        torch.backends.cudnn.allow_tf32,
    )
    _apply(max(1, allowed), True, False, False, False)
    try:
        yield
    finally:
        _apply(*before)


def _apply(
    threads: int, deterministic: bool, benchmark: bool, matmul_tf32: bool, convolution_tf32: bool
) -> None:
    torch.set_num_threads(threads)
    torch.backends.cudnn.deterministic = deterministic
    torch.backends.cudnn.benchmark = benchmark
    torch.backends.cuda.matmul.allow_tf32 = matmul_tf32
    torch.backends.cudnn.allow_tf32 = convolution_tf32

"""What all benchmarks share: alternated timing, peak memory, the machine, tables and options."""

import argparse
import json
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import torch

# Benchmarks run without an installation: the library is found beside them.
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from convscope.devices import usable_cores  # noqa: E402
from convscope.usage import peak_memory  # noqa: E402
from convscope.versions import versions_of  # noqa: E402

Figures = dict[str, float]


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark has."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON, no table")
    parser.add_argument("--quick", action="store_true", help="a smoke run: its figures say nothing")
    return parser


def devices() -> list[torch.device]:
    """Return the CPU and, where one is there, the CUDA device."""
    return [torch.device(name) for name in ("cpu", "cuda")[: 1 + torch.cuda.is_available()]]


def over_devices(
    names: Sequence[str], measure: Callable[[str, torch.device, bool], Figures], quick: bool
) -> dict[str, Figures]:
    """Return what ``measure`` finds for each network on each device; ``vgg16_cuda`` on CUDA."""
    return {
        name if device.type == "cpu" else f"{name}_{device.type}": measure(name, device, quick)
        for device in devices()
        for name in names
    }


def synchronise(device: torch.device) -> None:
    """Wait until the device has done all that it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def alternate(
    works: Mapping[str, Callable[[], object]], device: torch.device, rounds: int
) -> dict[str, list[float]]:
    """Return the seconds of each work in each round.

    The works take turns, so that whatever else the machine does meets them alike; the first turn
    of each warms up and does not count. Divide within a round, then take the median of the ratios.
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            taken = seconds_of(work, device)
            if turn:
                seconds[name].append(taken)
    return seconds


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """Return how long one call takes."""
    synchronise(device)
    start = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - start


def median_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Return the median over rounds of the ratio within a round."""
    return median(a / b for a, b in zip(above, below, strict=True))


@contextmanager
def watching(
    parts: Mapping[str, Sequence[tuple[object, str]]], device: torch.device
) -> Iterator[Figures]:
    """Yield the seconds spent within each part while the block runs.

    Parameters
    ----------
    parts
        For each part the callables to watch, as owner and attribute. Where one calls another, the
        time counts for both.
    device
        Its queue is emptied before and after each call.
    """
    spent: Figures = dict.fromkeys(parts, 0.0)

    def watched(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            synchronise(device)
            start = time.perf_counter()
            result = function(*arguments, **named)
            synchronise(device)
            spent[part] += time.perf_counter() - start
            return result

        return call

    with ExitStack() as stack:
        for part, callables in parts.items():
            for owner, name in callables:
                replacement = watched(part, getattr(owner, name))
                stack.enter_context(mock.patch.object(owner, name, replacement))
        yield spent


def shares_of(
    parts: Mapping[str, Sequence[tuple[object, str]]],
    work: Callable[[], object],
    device: torch.device,
    rounds: int,
) -> dict[str, list[float]]:
    """Return which share of a work's own time each part takes in each round; see ``watching``."""
    shares: dict[str, list[float]] = {part: [] for part in parts}
    for _ in range(rounds):
        with watching(parts, device) as spent:
            total = seconds_of(work, device)
        for part, seconds in spent.items():
            shares[part].append(seconds / total)
    return shares


def medians(shares: Mapping[str, Sequence[float]]) -> Figures:
    """Return the median of each part's shares; ``writing_share`` for the part ``writing``."""
    return {f"{part}_share": median(values) for part, values in shares.items()}


def peak_megabytes(function: Callable[..., object], *arguments: object) -> float:
    """Return the largest resident memory of a fresh process that calls a function, in 10^6 bytes.

    Parameters
    ----------
    function
        Of a module's top level; the script that runs needs its ``__name__ == "__main__"`` guard.
    *arguments
        What it is called with; they are pickled.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as pool:
        return pool.submit(_peak_of_call, function, arguments).result() / 1e6


def _peak_of_call(function: Callable[..., object], arguments: Sequence[object]) -> int:
    function(*arguments)
    return peak_memory()


def show(title: str, figures: Mapping[str, Figures], as_json: bool, corner: str = "median") -> None:
    """Print the figures of each network: one line of JSON, or the machine and a table.

    ``corner`` is what the figures are, in the table's first cell.
    """
    if as_json:
        print(json.dumps(figures, sort_keys=True, allow_nan=False))
        return
    print(f"{title}\n\n{environment()}\n")
    names = list(dict.fromkeys(name for column in figures.values() for name in column))
    rows = [[corner, *figures]]
    for name in names:
        rows.append([name, *(_shown(column.get(name)) for column in figures.values())])
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join([row[0].ljust(widths[0]), *cells]))


def environment() -> str:
    """Return the machine and the versions that the figures belong to, in three lines."""
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    versions = versions_of("torch", "torchvision", "numpy", "h5py", "hdf5plugin")
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return "\n".join(
        [
            f"machine   {_processor()}, {usable_cores()} cores to use{load}; GPU: {gpu}",
            f"system    {platform.platform()}",
            f"versions  Python {platform.python_version()}, {named}",
        ]
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"

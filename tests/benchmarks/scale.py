"""Planning large runs: seconds and peak memory of ``snakemake -n`` by the number of images.

    python tests/benchmarks/scale.py [--json] [--quick] [--images 100 1000 10000 100000]
                                     [--config FILE]

A sample sheet of that many URLs is generated; nothing is fetched. Networks and methods are those of
config/config.yaml or of the config file given, the batch size is 64. seconds_N and peak_mb_N are
those of the whole command, its start included; cpu_seconds_N leaves out what other processes took;
jobs_N is what it plans. growth_exponent is the slope between the two largest numbers on logarithmic
scales: 1 means that ten times as many images take ten times as long.
"""

import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from measuring import ROOT, Figures, parser_of, show

IMAGES = (100, 1_000, 10_000, 100_000)
QUICK_IMAGES = (2, 4)
BATCH_SIZE = 64
PAUSE = 0.02


def write_run(folder: Path, images: int, base: dict[str, Any]) -> Path:
    """Write a sample sheet of ``images`` URLs and a config that looks at it alone."""
    rows = (f"image_{k:06d}\thttps://example.org/{k:06d}.jpg\n" for k in range(images))
    (folder / "sheet.tsv").write_text("image\tsource\n" + "".join(rows), encoding="utf-8")
    changes = {
        "experiment": "scale",
        "sample_sets": ["sheet"],
        "sample_set_definitions": {"sheet": {"kind": "sheet", "sheet": "sheet.tsv"}},
        "batch_size": BATCH_SIZE,
    }
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump({**base, **changes}), encoding="utf-8")
    return config


def plan(folder: Path, config: Path) -> dict[str, float]:
    """Return seconds, those of the processor, peak memory in 10^6 bytes, and jobs of a dry run."""
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1"]
    command += ["-s", str(ROOT / "Snakefile"), "--directory", str(folder)]
    said = folder / "said.txt"
    start = time.perf_counter()
    with said.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            [*command, "--configfile", str(config)], stdout=stream, stderr=stream
        )
        peak, ended = 0, (0, 0, None)
        while not ended[0]:
            peak = max(peak, peak_of(process.pid))
            time.sleep(PAUSE)
            ended = os.wait4(process.pid, os.WNOHANG)
    process.returncode = os.waitstatus_to_exitcode(ended[1])
    seconds = time.perf_counter() - start
    text = said.read_text(encoding="utf-8")
    found = re.search(r"^total +(\d+)$", text, re.MULTILINE)
    if process.returncode or found is None:
        raise RuntimeError(f"the dry run failed:\n{text[-3000:]}")
    return {
        "seconds": seconds,
        "cpu_seconds": ended[2].ru_utime + ended[2].ru_stime,
        "peak_mb": peak / 1e6,
        "jobs": float(found[1]),
    }


def peak_of(process: int) -> int:
    """Return the largest resident memory of a running process so far, in bytes; 0 if it ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def measure(numbers: Sequence[int], base: dict[str, Any], *, slopes: bool) -> Figures:
    """Return the figures of every number of images, and how they grow."""
    figures: Figures = {}
    for images in numbers:
        with tempfile.TemporaryDirectory() as name:
            planned = plan(Path(name), write_run(Path(name), images, base))
        figures |= {f"{figure}_{images}": value for figure, value in planned.items()}
    if slopes and len(numbers) > 1:
        less, more = sorted(numbers)[-2:]
        for figure in planned:
            ratio = figures[f"{figure}_{more}"] / figures[f"{figure}_{less}"]
            figures[f"growth_exponent_{figure}"] = math.log(ratio) / math.log(more / less)
    return figures


def main() -> None:
    """Run the command line."""
    parser = parser_of(__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=list(IMAGES))
    parser.add_argument("--config", type=Path, help="config file whose run is planned")
    options = parser.parse_args()
    base = yaml.safe_load(options.config.read_text(encoding="utf-8")) if options.config else {}
    numbers = QUICK_IMAGES if options.quick else options.images
    figures = measure(numbers, base, slopes=not options.quick)
    show("Planning by the number of images", {"plan": figures}, options.json)


if __name__ == "__main__":
    main()

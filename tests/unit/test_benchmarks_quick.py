"""Each benchmark runs as a person runs it and prints figures of the agreed form."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
FIGURES = {
    "concentration": {
        "scenes",
        "mask_share_of_box",
        "concentration",
        "control",
        "ratio",
        "ratio_low",
        "ratio_high",
    },
    "deconvnet": {
        "seconds",
        "seconds_1",
        "captum_seconds",
        "times_captum",
        "largest_difference",
        "peak_mb_above_network",
        "projections",
    },
    "features": {
        "seconds",
        "images_per_second",
        "times_bare_forward",
        "bare_seconds_contiguous",
        "bare_seconds_channels_last",
        "forward_share",
        "peaks_share",
        "writing_share",
        "peak_mb_2",
    },
    "inversion_reference": {
        "depth",
        "e1",
        "e2",
        "control_e2",
        "e2_no_prior",
        "psnr",
        "psnr_no_prior",
    },
    "invariance": {
        "transformed_images",
        "passes",
        "seconds",
        "bare_seconds",
        "bare_images_at_once",
        "bare_format",
        "times_bare_forward",
        "comparing_share",
        "transforming_share",
        "writing_share",
        "peak_mb_amounts_3",
    },
    "occlusion": {
        "positions",
        "seconds",
        "milliseconds_a_position",
        "plain_batch",
        "plain_seconds",
        "times_plain",
        "loop_seconds",
        "times_loop",
        "captum_batch",
        "captum_passes",
        "captum_seconds",
        "times_captum",
        "times_captum_a_position",
        "billion_multiply_adds",
        "plain_billion_multiply_adds",
        "of_peak",
        "seconds_images_1",
        "largest_error",
        "plain_largest_error",
        "largest_drop",
        "logit_spread",
        "peak_mb_above_network",
    },
    "scale": {
        f"{figure}_{n}" for figure in ("seconds", "cpu_seconds", "peak_mb", "jobs") for n in (2, 4)
    },
    "synthesis": {
        "seconds",
        "bare_seconds",
        "times_bare",
        "loop_seconds",
        "frozen_loop_seconds",
        "times_loop",
        "times_frozen_loop",
        "regularisers_share",
        "steps_share",
        "peak_mb_iterations_4",
    },
    "synthesis_reference": {
        "least_probability",
        "least_shown",
        "named",
        "variation",
        "transfer",
        "transfer_mean",
        "least_transfer",
    },
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_quick_run_prints_one_line_of_json(name, tmp_path):
    script = BENCHMARKS / f"{name}.py"
    command = [sys.executable, script, "--quick", "--json"]
    # Another directory: the script finds the library by its own place.
    outcome = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.count("\n") == 1
    networks = json.loads(outcome.stdout)
    assert networks
    for figures in networks.values():
        assert set(figures) == FIGURES[name]
        assert all(value > 0 for value in figures.values())
        shares = [value for figure, value in figures.items() if figure.endswith("_share")]
        assert sum(shares) < 1
    assert list(tmp_path.iterdir()) == []


def test_every_benchmark_is_run():
    scripts = {path.stem for path in BENCHMARKS.glob("*.py")} - {
        "measuring",
        "random_networks",
        "reference_networks",
    }
    assert scripts == set(FIGURES)


def test_the_table_names_figures_networks_machine_and_versions(capsys, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    from measuring import median_ratio, show

    show("A title", {"toy": {"seconds": 0.25}, "other": {"peak_mb_2": 12.0}}, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "A title"
    assert "torch " in lines[4]
    assert [line.split() for line in lines[-3:]] == [
        ["median", "toy", "other"],
        ["seconds", "0.25"],
        ["peak_mb_2", "12"],
    ]
    assert median_ratio([2.0, 9.0, 8.0], [1.0, 3.0, 1.0]) == 3.0


def test_peak_memory_is_that_of_the_child_alone(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    from measuring import peak_megabytes

    ballast = b"x" * 400_000_000
    little, much = (peak_megabytes(bytearray, size) for size in (1, 200_000_000))
    assert 195 < much - little < 230
    assert len(ballast) > 0

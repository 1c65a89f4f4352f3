"""The scripts of units over all images hand on what the library needs, and nothing else."""

import json

import pytest

from convscope.deconvnet.table import reading_projections
from convscope.networks.training_files import save_checkpoints, save_weights, snapshot_of
from glue_jobs import run_script
from toy_units import ATTRIBUTES, MEAN, SIZES, STD, rank, toy_network, write_images

PACKAGES = {"packages": {}}
LAYERS = ["features.3", "classifier.1"]
SETTINGS = {
    **PACKAGES,
    "architecture": "reference",
    "classes": SIZES["classes"],
    "reference": {name: SIZES[name] for name in ("widths", "hidden")},
    "mean": MEAN,
    "std": STD,
    "layers": LAYERS,
    "rule": "deconvnet",
    "unpooling": "switches",
    "storage": "float16",
    "seed": 0,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("units")
    network = toy_network()
    rank(network, folder, write_images(folder))
    named = {**SIZES, "classes": ["x", "y", "z"]}
    save_weights(folder / "weights.safetensors", snapshot_of(network), named)
    kept = {0: snapshot_of(toy_network(5)), 3: snapshot_of(network)}
    save_checkpoints(folder / "checkpoints.safetensors", kept, named)
    (folder / "check.json").write_text(json.dumps(ATTRIBUTES["network"]))
    return folder


def run(rule, folder, output, settings, inputs):
    if isinstance(inputs, dict):
        inputs = {
            "units": folder / "units.h5",
            "images": [folder / "first_images.h5", folder / "second_images.h5"],
            "check": folder / "check.json",
            **inputs,
        }
    run_script(rule, settings, inputs=inputs, outputs=[output], log=output.with_suffix(".log"))
    return output


def test_ranks_are_the_librarys(folder, tmp_path):
    parts = []
    for number in (0, 1):
        features = folder / f"features_{number}.h5"
        output = tmp_path / f"ranks_{number}.h5"
        parts.append(run("rank_batch", folder, output, PACKAGES, [features]))
        assert output.read_bytes() == (folder / f"ranks_{number}.h5").read_bytes()
    units = run("rank_units", folder, tmp_path / "units.h5", PACKAGES, parts)
    assert units.read_bytes() == (folder / "units.h5").read_bytes()


def test_units_are_projected(folder, tmp_path):
    channels = {"features.3": [0, 1], "classifier.1": 1}
    path = run(
        "project_units",
        folder,
        tmp_path / "top_images.h5",
        {**SETTINGS, "channels": channels},
        {"weights": folder / "weights.safetensors"},
    )
    with reading_projections(path) as table:
        # Four images apiece.
        assert len(table.rows) == 4 * 3
        assert table.attribute("network") == ATTRIBUTES["network"]


def test_the_evolution_is_projected(folder, tmp_path):
    path = run(
        "project_evolution",
        folder,
        tmp_path / "evolution.h5",
        {**SETTINGS, "channels": 1, "images": list("abcde"), "final_epoch": 3},
        {"checkpoints": folder / "checkpoints.safetensors"},
    )
    with reading_projections(path) as table:
        assert table.attribute("epochs") == [0, 3]
        found = sorted((row.epoch, row.layer) for row in table.rows)
        assert found == [(0, 0), (0, 1), (3, 0), (3, 1)]

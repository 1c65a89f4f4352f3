"""Each script turns planned settings and files into whole, readable results."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file

from convscope.hdf5 import attribute, reading
from convscope.images.store import read_images
from glue_jobs import run_script

SCRIPTS = (
    *("draw_scenes", "prepare_images", "make_random_weights", "convert_weights"),
    *("check_network", "extract_features", "tabulate_predictions", "build_report"),
)


@pytest.mark.parametrize("rule", SCRIPTS)
def test_every_log_ends_with_time_and_memory(chain, rule):
    logs = list((chain.folder / "logs" / rule).rglob("*.log"))
    assert logs
    for log in logs:
        assert " INFO done: " in log.read_text().splitlines()[-1]


def test_images_are_those_of_the_plan(chain):
    for network, batch in chain.plan.pairs():
        images = read_images(chain.folder / chain.plan.images_file(network, batch))
        assert images.ids == batch.ids
        assert images.pixels.shape == (len(batch.ids), 3, 224, 224)
        assert images.pixels.std(axis=(1, 2, 3)).min() > 1


def test_features_hold_every_planned_image_variant_and_layer(chain):
    for network, batch in chain.plan.pairs():
        path = chain.folder / chain.plan.features_file(network, batch)
        with reading(path, "features/1") as file:
            layers = attribute(file, "layers")
            images = attribute(file, "images")
            assert tuple(images["ids"]) == batch.ids
            assert set(file["variants"]) == set(chain.plan.variants)
            for variant in file["variants"].values():
                count, channels = len(batch.ids), sum(layer["channels"] for layer in layers)
                assert variant["logits"].shape == (count, len(network.classes))
                assert variant["peak_value"].shape == (count, channels)
                assert np.isfinite(variant["logits"][:]).all()
                stored = set(variant["activations"]) if "activations" in variant else set()
                assert stored == set(network.stored_layers)


def test_weights_files_hold_the_networks(chain):
    untrained = load_file(chain.folder / chain.settings.weights_file("untrained"))
    copied = load_file(chain.folder / chain.settings.weights_file("copied"))
    given = torch.load(chain.folder / "weights.pth", weights_only=True)
    assert untrained.keys() == copied.keys() == given.keys()
    for key, value in given.items():
        assert (copied[key] == value.numpy()).all()
        assert untrained[key].shape == copied[key].shape
    assert any((untrained[key] != copied[key]).any() for key in copied)


def test_the_check_says_what_the_network_is(chain):
    summary = json.loads((chain.folder / "results/tiny/networks/untrained/check.json").read_text())
    layers = chain.plan.networks["untrained"].architecture.layers
    assert summary["architecture"] == "reference"
    assert len(summary["layer_table"]) == len(layers)
    assert len(summary["weights_sha256"]) == 64


def test_the_table_has_a_row_for_every_image_network_and_variant(chain):
    folder = chain.folder / "results/tiny/predictions"
    table = pd.read_parquet(folder / "predictions.parquet")
    images = sum(len(batch.ids) for batch in chain.plan.batches.values())
    assert len(table) == images * len(chain.plan.networks) * len(chain.plan.variants)
    assert not table.duplicated(["image", "network", "variant"]).any()
    assert len(pd.read_csv(folder / "predictions.csv")) == len(table)
    assert table["probability"].between(0, 1).all()


def test_the_report_shows_every_image(chain):
    page = (chain.folder / "results/tiny/report/index.html").read_text()
    for batch in chain.plan.batches.values():
        for image in batch.ids:
            assert image in page
    assert "</html>" in page


def test_nothing_but_results_logs_and_inputs_is_left(chain):
    top = {path.name for path in chain.folder.iterdir()}
    assert top == {"results", "logs", "weights.pth", "colours.png", "images.tsv"}
    assert not list(chain.folder.rglob("*.part"))


def test_a_second_run_of_a_script_gives_the_same_bytes(chain, tmp_path, monkeypatch):
    monkeypatch.chdir(chain.folder)
    settings = chain.settings
    again = tmp_path / "weights.safetensors"
    first = chain.folder / settings.weights_file("untrained")
    digest = settings.weights_file("untrained").split("/")[-2]
    run_script(
        "make_random_weights",
        settings.weights(digest),
        outputs=[again],
        log=tmp_path / "again.log",
    )
    assert again.read_bytes() == first.read_bytes()

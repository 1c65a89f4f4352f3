"""The scripts of invariance and correspondence, in this process, on the tiny experiment."""

import subprocess
import sys
from contextlib import chdir
from types import SimpleNamespace

import pandas as pd
import pytest

from convscope.figures.indices import read_index
from convscope.images.store import read_images
from convscope.invariance.storage import read_invariance
from convscope.planning.plan import make_plan
from convscope.planning.settings import Settings
from glue_jobs import run_script
from snakemake_runs import ROOT, merged

CHANGES = {
    "methods": ["invariance"],
    "invariance": {
        "images": 2,
        "transforms": {
            "vertical_translation": {"from": -10, "to": 10, "step": 10},
            "horizontal_translation": None,
            "scale": None,
            "rotation": {"from": 0, "to": 90, "step": 90},
        },
    },
    "correspondence": {"images": 2},
}
TABLES = {
    **{"csv": "invariance.csv", "parquet": "invariance.parquet", "changes": "changes.csv"},
    **{"images": "images.csv", "summary": "summary.csv", "ranks": "summary.parquet"},
}
PARTS = {
    **{"csv": "correspondence.csv", "parquet": "correspondence.parquet"},
    **{"pairs": "correspondence_pairs.csv"},
}


@pytest.fixture(scope="module")
def done(chain):
    """Return the settings and the folder after all scripts of the method have run once."""
    with chdir(chain.folder):
        plan = make_plan(merged(dict(chain.plan.config), CHANGES), [], ROOT)
        settings = Settings(plan)
        measure(settings)
        tabulate_and_draw(settings)
    return SimpleNamespace(settings=settings, folder=chain.folder / plan.results)


def network_inputs(settings, network):
    return {
        "weights": settings.weights_file(network),
        "check": f"{settings.plan.results}/networks/{network}/check.json",
    }


def measure(settings):
    invariance, parts = settings.invariance, settings.invariance.correspondence
    for path, images in zip(invariance.files(), invariance.image_files(), strict=True):
        network, batch = path.split("/")[3:5]
        run_script(
            "measure_invariance",
            invariance.measure_invariance(network, batch),
            inputs={"images": images, **network_inputs(settings, network)},
            outputs=[path],
            log=f"logs/measure_invariance/{network}/{batch}.log",
        )
    for path in parts.files():
        network = path.split("/")[3]
        files = {"images": parts.image_files(network), "scenes": parts.scene_files(network)}
        run_script(
            "measure_correspondence",
            parts.measure_correspondence(network),
            inputs={**files, **network_inputs(settings, network)},
            outputs=[path],
            log=f"logs/measure_correspondence/{network}.log",
        )


def tabulate_and_draw(settings):
    invariance, parts = settings.invariance, settings.invariance.correspondence
    results = settings.plan.results
    folder = f"{results}/invariance_tables"
    files, images = invariance.files(), invariance.image_files()
    figures = f"{results}/invariance_figures"
    jobs = (
        ("tabulate_invariance", invariance, files, TABLES),
        ("tabulate_correspondence", parts, parts.files(), PARTS),
        ("plot_invariance", invariance, {"measures": files, "images": images}, [figures]),
        (
            "build_invariance_pages",
            invariance,
            {
                "figures": figures,
                "summary": f"{folder}/summary.parquet",
                "correspondence": invariance.correspondence_ranks(),
                "downloads": invariance.downloads(),
            },
            [f"{results}/report/invariance"],
        ),
    )
    for rule, asked, inputs, outputs in jobs:
        if isinstance(outputs, dict):
            outputs = {key: f"{folder}/{name}" for key, name in outputs.items()}
        log = f"logs/{rule}.log"
        run_script(rule, getattr(asked, rule)(), inputs=inputs, outputs=outputs, log=log)


def test_measures_are_of_the_chosen_images_with_their_labels(done):
    with chdir(done.folder.parents[1]):
        found = [read_invariance(path) for path in done.settings.invariance.files()]
        batches = [read_images(path) for path in done.settings.invariance.image_files()]
    for measured, images in zip(found, batches, strict=True):
        assert set(measured.ids) <= set(images.ids)
        places = [images.ids.index(image) for image in measured.ids]
        assert measured.pixel_sha256 == tuple(images.pixel_sha256[place] for place in places)
        assert all(label is not None for label in measured.labels)
    # Two scenes and the one photograph, by both networks.
    assert sum(len(measured.ids) for measured in found) == 2 * 3


def test_tables_say_the_same_of_everything(done):
    folder = done.folder / "invariance_tables"
    table = pd.read_csv(folder / "invariance.csv")
    # Images and networks, layers, amounts.
    assert len(table) == 6 * 2 * (3 + 2)
    assert len(pd.read_parquet(folder / "invariance.parquet")) == len(table)
    summary = pd.read_csv(folder / "summary.csv")
    assert set(summary["network"]) == {"untrained", "copied"}
    assert set(summary["sample_set"]) == {"toy", "sheet"}
    assert (summary.loc[summary["sample_set"] == "toy", "labelled"] == 2).all()
    pairs = pd.read_csv(folder / "correspondence.csv")
    assert set(pairs["sample_set"]) == {"toy"}
    assert list(dict.fromkeys(pairs["part"])) == ["right_eye", "left_eye", "nose", "random"]


def test_figures_and_pages_are_made(done):
    sets = read_index(done.folder / "invariance_figures")["sample_sets"]
    assert [entry["sample_set"] for entry in sets] == ["toy", "sheet"]
    pages = done.folder / "report/invariance"
    names = {path.relative_to(pages).as_posix() for path in pages.rglob("*.html")}
    networks = ("untrained", "copied")
    assert names == {"index.html", *(f"{s}/{n}.html" for s in ("toy", "sheet") for n in networks)}


def test_none_of_the_drawing_needs_torch():
    modules = [
        "convscope.invariance.figure_files",
        "convscope.invariance.table",
        "convscope.invariance.correspondence_table",
        "convscope.report.invariance",
        "convscope.planning.settings",
    ]
    code = f"import sys, {', '.join(modules)}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT / "scripts")

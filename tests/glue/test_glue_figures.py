"""The scripts that draw projections and build their pages, without torch."""

import subprocess
import sys

import pytest

from convscope.figures.indices import read_index
from glue_jobs import run_script
from projection_tables import (
    write_controls,
    write_evolution_table,
    write_images,
    write_mosaic_table,
    write_sheets_table,
)
from snakemake_runs import ROOT


@pytest.fixture
def drawn(tmp_path):
    inputs = {
        "projections": str(write_sheets_table(tmp_path / "deconv.h5")),
        "controls": str(write_controls(tmp_path / "controls.h5")),
        "images": str(write_images(tmp_path / "images.h5")),
    }
    units = [write_mosaic_table(tmp_path / "top_images.h5")]
    epochs = [write_evolution_table(tmp_path / "evolution.h5")]
    toy = {"network": "toy", "classes": "scenes", "class_layers": []}
    for rule, settings, given, name in (
        ("plot_projections", {**toy, "mean": [0.5, 0.5, 0.5]}, inputs, "sheets"),
        ("plot_units", toy, units, "mosaics"),
        ("plot_evolution", toy, epochs, "strips"),
    ):
        log = tmp_path / f"{rule}.log"
        run_script(rule, settings, inputs=given, outputs=[tmp_path / name], log=log)
    return tmp_path


def test_figures_and_pages_are_made(drawn):
    for name, count in (("sheets", 4), ("mosaics", 2), ("strips", 2)):
        index = read_index(drawn / name)
        assert len(index[name]) == count
        assert all((drawn / name / entry["file"]).is_file() for entry in index[name])
    pages = [{"title": "Overview", "href": "index.html"}]
    run_script(
        "build_projection_pages",
        {"pages": pages, "imagenet_terms": False},
        inputs={name: [str(drawn / name)] for name in ("sheets", "mosaics", "strips")},
        outputs=[drawn / "report" / "projections"],
        log=drawn / "pages.log",
    )
    assert (drawn / "report/projections/index.html").is_file()
    assert (drawn / "report/projections/evolution.html").is_file()
    assert len(list(drawn.glob("report/projections/images/*.html"))) == 2


def test_none_of_it_needs_torch():
    modules = [
        "convscope.deconvnet.figures.sheet_files",
        "convscope.deconvnet.figures.layer_files",
        "convscope.report.projections",
    ]
    code = f"import sys, {', '.join(modules)}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT / "scripts")

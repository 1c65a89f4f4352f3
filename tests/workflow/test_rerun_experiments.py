"""Experiments side by side, fetched images, and the plans of the configs that come along."""

import pytest
import yaml

from servers import serving
from snakemake_runs import ROOT

PREPARE = ("--until", "prepare_images")
FETCHING = {"fetch_images", "fetch_mini_imagenet", "fetch_weights"}


@pytest.fixture
def photographs(sheet, tmp_path_factory):
    """Return a server with two folders, which hold other pictures under the same names."""
    folder = tmp_path_factory.mktemp("server")
    for start, place in enumerate(("first", "second")):
        (folder / place).mkdir()
        for seed, name in enumerate("ab"):
            sheet.draw(name, 10 * start + seed, folder / place)
    sheet.write(sheet.rows("ab", source="{{photographs}}/{name}.png"))
    with serving(folder) as server:
        yield server


def test_fetched_images_depend_on_address_and_checksum_only(sheet, photographs):
    project = sheet.project
    config = sheet.config(base_urls={"photographs": photographs.url("first")})
    first = project.run(*PREPARE, config=config)
    assert first.jobs == {"fetch_images": 1, "prepare_images": 1}, first.text
    # Two experiments with the same ids and other sources, in turn on the same folder.
    other = sheet.config(experiment="other", base_urls={"photographs": photographs.url("second")})
    assert project.run(*PREPARE, config=other).jobs == first.jobs
    assert project.run(*PREPARE, "-n", config=other).jobs == {}
    assert len(photographs.asked("/first/")) == len(photographs.asked("/second/")) == 2
    # Nothing of the first experiment is to be done again, whatever becomes of the code.
    with (
        project.edited("scripts/convscope/fetching/downloads.py", "\nimport ", "\nA = 1\nimport "),
        project.edited("scripts/fetch_images.py", "\nfrom ", "\nA = 1\nfrom "),
    ):
        assert project.run(*PREPARE, "-n", config=config).jobs == {}
    mirror = sheet.config(base_urls={"photographs": "http://127.0.0.1:9/mirror"})
    assert project.run(*PREPARE, "-n", config=mirror).jobs == first.jobs


def test_the_demo_fetches_nothing(project):
    outcome = project.run("-n", config=ROOT / "config/demo.yaml")
    assert outcome.status == 0, outcome.text
    assert outcome.jobs["train_reference"] == 2
    assert not outcome.rules & FETCHING


def test_the_main_experiment_is_planned_without_a_network(project):
    # A proxy that is not there: whoever asked for anything would fail.
    nowhere = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    outcome = project.run("-n", config=None, environment=nowhere)
    assert outcome.status == 0, outcome.text
    assert outcome.rules >= FETCHING
    assert outcome.jobs["fetch_images"] == 1
    assert outcome.jobs["fetch_weights"] == 3
    assert not list(project.directory.glob("results/**/*.h5"))


def test_an_overlay_is_found_from_another_folder(project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "mine.yaml"
    elsewhere.write_text(
        yaml.safe_dump({"experiment": "mine", "networks": ["reference"], "sample_sets": ["scenes"]})
    )
    outcome = project.run("-n", config=elsewhere)
    assert outcome.status == 0, outcome.text
    assert "results/mine/report/index.html" in outcome.text

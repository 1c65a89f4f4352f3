"""The rerun contract of invariance: one changed key, exactly these rules again."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from rerun_rows import COLOURS, FEATURES, GEOMETRY, NETWORK, TABLES, TRAINING, name_of, network
from snakemake_runs import ROOT

PAGES = {"build_invariance_pages"}
FIGURES = {"plot_invariance", *PAGES}
CURVES = {"measure_invariance", "tabulate_invariance", *FIGURES}
PARTS = {"measure_correspondence", "tabulate_correspondence", *PAGES}
ALL = CURVES | PARTS


def invariance(**changes):
    return {"invariance": changes}


def correspondence(**changes):
    return {"correspondence": changes}


CONTRACT = [
    ({"methods": []}, {"build_report"}),
    (invariance(images=1), CURVES),
    (invariance(layers=["relu1_2", "relu2_1"]), CURVES),
    (invariance(transforms={"rotation": {"step": 180}}), CURVES),
    (invariance(transforms={"rotation": None}), CURVES),
    (invariance(fill="mean"), CURVES),
    (invariance(panel_images=["toy-striped_disc_001"]), FIGURES),
    (correspondence(images=2), PARTS),
    (correspondence(images=0), PAGES),
    (correspondence(layers=["relu1_2"]), PARTS),
    (correspondence(fill="mean"), PARTS),
    (correspondence(random_boxes=11), PARTS),
    (correspondence(seed=3), PARTS),
    (network("small", invariance_layers=["relu1_2"]), CURVES),
    (network("small", correspondence_layers=["relu1_2"]), PARTS),
    ({"predictions": {"top": 1}}, TABLES),
    ({"report": {"images": 1}}, {"build_report"}),
    ({"variants": ["normal", "rotate_90_clockwise"]}, FEATURES),
    ({"training": {"kept_epochs": [0, 2]}}, TRAINING | ALL),
    (network("small", preprocessing={**GEOMETRY, **COLOURS}), NETWORK | ALL),
]


@pytest.fixture(scope="module")
def outcomes(moved, tiny_invariance):
    """Return what Snakemake plans after each change; two dry runs at a time."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield [pool.submit(moved.plan, base=tiny_invariance, **changes) for changes, _ in CONTRACT]
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("row", range(len(CONTRACT)), ids=[name_of(c) for c, _ in CONTRACT])
def test_a_changed_key_reruns_exactly_what_depends_on_it(outcomes, row):
    outcome, rules = outcomes[row].result(), CONTRACT[row][1]
    assert outcome.rules == rules, outcome.text


@pytest.mark.parametrize("section", ["invariance", "correspondence"])
def test_every_key_of_the_method_has_a_contract(section):
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    tested = {key for changes, _ in CONTRACT for key in changes.get(section, {})}
    assert tested == set(schema["$defs"][section]["properties"])


def test_a_second_run_does_nothing(moved, tiny_invariance):
    assert moved.run("-n", config=tiny_invariance).nothing_to_do


def test_tables_figures_and_pages_are_there(moved):
    results = moved.directory / "results/tiny_invariance"
    tables = {path.name for path in (results / "invariance_tables").glob("*.csv")}
    assert {"invariance.csv", "changes.csv", "images.csv", "summary.csv"} < tables
    assert {"correspondence.csv", "correspondence_pairs.csv"} < tables
    figures = {path.name for path in (results / "invariance_figures").rglob("*.png")}
    assert figures == {"networks.png", "panel.png", "summary.png"}
    pages = {path.name for path in (results / "report/invariance").rglob("*.html")}
    assert pages == {"index.html", "small.html"}


def test_lost_figures_alone_are_drawn_again(moved, tiny_invariance):
    folder = moved.directory / "results/tiny_invariance/invariance_figures"
    kept = folder.with_name("kept")
    folder.rename(kept)
    try:
        assert moved.run("-n", config=tiny_invariance).rules == FIGURES
    finally:
        kept.rename(folder)

"""The rerun contract of maximisation and inversion: one changed key, exactly these rules again."""

import csv
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from rerun_rows import COLOURS, GEOMETRY, NETWORK, TABLES, TRAINING, name_of, network
from snakemake_runs import ROOT

FIGURES = {"plot_maximisation", "build_maximisation_pages"}
JUDGED = {"judge_transfer", "tabulate_maximisation", *FIGURES}
MADE = {"maximise_class", *JUDGED}
INVERTED = {
    *("invert_features", "tabulate_inversion", "plot_inversion"),
    "build_inversion_pages",
}
ALL = MADE | INVERTED


def maximisation(**changes):
    return {"maximisation": changes}


def inversion(**changes):
    return {"inversion": changes}


CONTRACT = [
    ({"methods": []}, {"build_report"}),
    (maximisation(classes=["chequered_square", "striped_disc"]), MADE),
    (maximisation(classes=[0]), set()),  # Another name of the same class.
    (maximisation(presets=["ladder_a", "yosinski_1"]), MADE),
    (maximisation(presets=["wild", "yosinski_1", "ladder_a"]), set()),
    (maximisation(seeds=[0, 1]), MADE),
    (maximisation(iterations=None), MADE),
    (maximisation(snapshots=[]), MADE),
    (maximisation(rows_at_once=1), MADE),
    (maximisation(threads=2), MADE),
    (maximisation(checkpoint_seconds=5), set()),
    ({"preset_definitions": {"wild": {"alpha": 11}}}, MADE),
    ({"preset_definitions": {"unused": {"like": "ladder_a"}}}, set()),
    (inversion(images=2), INVERTED),
    (inversion(layers=["relu2_1"]), INVERTED),
    (inversion(presets=["no_prior"]), INVERTED),
    (inversion(iterations=5), INVERTED),
    (inversion(seed=3), INVERTED),
    (inversion(memory=1), INVERTED),
    (inversion(threads=2), INVERTED),
    (inversion(checkpoint_seconds=5), set()),
    (network("small", inverted_layers=["relu2_1"]), INVERTED),
    (network("small", rate_factor=2), MADE),
    (network("untrained", maximised_classes=["striped_disc"]), MADE | {"plot_networks"}),
    # What it judges is judged again.
    (network("untrained", seed=4), {"make_random_weights", *NETWORK, *JUDGED, *INVERTED}),
    (network("small", preprocessing={**GEOMETRY, **COLOURS}), NETWORK | ALL),
    ({"predictions": {"top": 1}}, TABLES),
    ({"training": {"kept_epochs": [0, 2]}}, TRAINING | ALL),
]


@pytest.fixture(scope="module")
def outcomes(synthesised, tiny_synthesis):
    """Return what Snakemake plans after each change; two dry runs at a time."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        plan = synthesised.plan
        yield [pool.submit(plan, base=tiny_synthesis, **changes) for changes, _ in CONTRACT]
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("row", range(len(CONTRACT)), ids=[name_of(c) for c, _ in CONTRACT])
def test_a_changed_key_reruns_exactly_what_depends_on_it(outcomes, row):
    outcome, rules = outcomes[row].result(), CONTRACT[row][1]
    assert outcome.rules == rules, outcome.text


@pytest.mark.parametrize("section", ["maximisation", "inversion"])
def test_every_key_of_the_method_has_a_contract(section):
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    tested = {key for changes, _ in CONTRACT for key in changes.get(section, {})}
    assert tested == set(schema["$defs"][section]["properties"])


def test_an_added_class_alone_is_made(outcomes):
    (row,) = (
        n
        for n, (c, _) in enumerate(CONTRACT)
        if len(c.get("maximisation", {}).get("classes", ())) == 2
    )
    assert outcomes[row].result().jobs == dict.fromkeys(MADE, 1)


def test_a_second_run_does_nothing(synthesised, tiny_synthesis):
    assert synthesised.run("-n", config=tiny_synthesis).nothing_to_do


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_rate_that_diverges_is_named_and_the_best_image_kept(synthesised):
    """In the log, in the table and on the sheet; the other images are made to their end."""
    results = synthesised.directory / "results/tiny_synthesis"
    rows = {row["preset"]: row for row in rows_of(results / "maximisation_tables/maximisation.csv")}
    assert rows["ladder_a"]["stopped"] == rows["yosinski_1"]["stopped"] == ""
    step = rows["wild"]["stopped"]
    assert 0 < int(step) < 30
    assert rows["wild"]["score"]
    log = (results / "logs/maximise_class/small/0.log").read_text()
    assert f"preset wild: NaN or infinity at iteration {step}; its best image is kept" in log


def test_an_independent_network_judges_every_image(synthesised):
    results = synthesised.directory / "results/tiny_synthesis"
    rows = rows_of(results / "maximisation_tables/maximisation.csv")
    assert {row["judge"] for row in rows} == {"untrained"}
    assert all(0 <= float(row["judge_label_probability"]) <= 1 for row in rows)


def test_tables_and_figures_are_there_and_no_checkpoint_is(synthesised):
    results = synthesised.directory / "results/tiny_synthesis"
    figures = {path.name for path in (results / "maximisation/small/0/figures/seed_0").iterdir()}
    assert figures == {"ladder.png", "curves.png", "course.png"}
    strips = {path.parts[-4] for path in results.glob("inversion/*/*/figures/*.png")}
    assert strips == {"small", "untrained"}
    layers = {
        (r["network"], r["common_name"])
        for r in rows_of(results / "inversion_tables/inversion.csv")
    }
    assert layers == {("small", "relu1_2"), ("small", "relu2_1"), ("untrained", "relu1_2")}
    assert not list(results.rglob("checkpoint*"))


def test_lost_figures_alone_are_drawn_again(synthesised, tiny_synthesis):
    folder = synthesised.directory / "results/tiny_synthesis/maximisation/small/0/figures"
    kept = folder.with_name("kept")
    folder.rename(kept)
    try:
        assert synthesised.run("-n", config=tiny_synthesis).rules == FIGURES
    finally:
        kept.rename(folder)

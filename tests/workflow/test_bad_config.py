"""Mistakes in a configuration or a sheet: one message that names the place, before any work."""

import pytest
import yaml

from snakemake_runs import TINY


def refused(outcome, *words):
    """Check that Snakemake ended with one clear message and none of our tracebacks."""
    assert outcome.status != 0
    for word in words:
        assert word in outcome.text, outcome.text
    assert "Traceback" not in outcome.text
    assert "Error" in outcome.text
    assert not outcome.rules


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batchsize": 3}, ["unknown key 'batchsize'", "batch_size"]),
        ({"networks": ["smal"]}, ["config key networks", "'smal'", "Did you mean 'small'?"]),
    ],
    ids=["unknown_key", "unknown_network"],
)
def test_a_mistake_in_an_overlay_is_named(project, changes, words):
    config = project.write(yaml.safe_load(TINY.read_text()) | changes)
    outcome = project.run(config=config)
    refused(outcome, *words)
    if "batchsize" in changes:
        assert str(config) in outcome.text
    assert not (project.directory / "results").exists()


def test_an_overlay_without_an_experiment_is_refused(project):
    content = yaml.safe_load(TINY.read_text())
    del content["experiment"]
    config = project.write(content)
    refused(project.run(config=config), str(config), "no key 'experiment'", "name of its own")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"image": "../a"}, ["images.tsv, row 3", "../a"]),
        ({"label": "stripd_disc"}, ["images.tsv, row 3", "Did you mean 'striped_disc'?"]),
    ],
    ids=["unsafe_id", "unknown_label"],
)
def test_a_mistake_in_a_sheet_is_named_with_its_row(sheet, row, words):
    for seed, name in enumerate("ab"):
        sheet.draw(name, seed)
    rows = sheet.rows("ab", label="striped_disc", variants="")
    rows[1] |= row
    sheet.write(rows)
    refused(sheet.project.run(config=sheet.config()), *words)


def test_a_target_that_no_rule_makes_is_refused(project):
    target = "results/tiny/features/smal/toy-20ecae8a4cba/features.h5"
    outcome = project.run("--", target)
    assert outcome.status != 0
    assert "MissingRuleException" in outcome.text

"""The rerun contract of the deconvnet: one changed key, exactly these rules again."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from rerun_rows import COLOURS, GEOMETRY, NETWORK, TABLES, TRAINING, name_of, network
from snakemake_runs import ROOT

PAGES = {"build_projection_pages"}
SHEETS = {"project_features", "measure_controls", "plot_projections", *PAGES}
MOSAICS = {"project_units", "plot_units", *PAGES}
STRIPS = {"project_evolution", "plot_evolution", *PAGES}
RANKS = {"rank_batch", "rank_units", *MOSAICS, *STRIPS}
ALL = SHEETS | RANKS


def deconvnet(**changes):
    return {"deconvnet": changes}


CONTRACT = [
    ({"methods": []}, {"build_report"}),
    (deconvnet(images=2), SHEETS),
    (deconvnet(layers=["relu2_1"]), SHEETS | MOSAICS | STRIPS),
    (deconvnet(select="map"), SHEETS),
    (deconvnet(top=1), SHEETS),
    (deconvnet(unpooling="interpolate"), SHEETS | MOSAICS | STRIPS),
    (deconvnet(rule="guided"), SHEETS | MOSAICS | STRIPS),
    (deconvnet(storage="float32"), SHEETS | MOSAICS | STRIPS),
    (deconvnet(control_seeds=10), {"measure_controls", "plot_projections", *PAGES}),
    (deconvnet(mosaic_channels=1), MOSAICS),
    (deconvnet(evolution_channels=2), STRIPS),
    (deconvnet(seed=3), MOSAICS | STRIPS),
    (network("small", projected_layers=["relu1_2"]), SHEETS | MOSAICS | STRIPS),
    (network("small", mosaic_channels={"relu1_2": [0, 1]}), MOSAICS),
    ({"predictions": {"top": 1}}, TABLES),
    ({"report": {"images": 1}}, {"build_report"}),
    ({"variants": ["normal", "rotate_90_clockwise"]}, {"extract_features", *TABLES, *ALL}),
    ({"training": {"kept_epochs": [0, 2]}}, TRAINING | ALL),
    (network("small", preprocessing={**GEOMETRY, **COLOURS}), NETWORK | ALL),
]


@pytest.fixture(scope="module")
def outcomes(projected, tiny_deconvnet):
    """Return what Snakemake plans after each change; two dry runs at a time."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield [
            pool.submit(projected.plan, base=tiny_deconvnet, **changes) for changes, _ in CONTRACT
        ]
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("row", range(len(CONTRACT)), ids=[name_of(c) for c, _ in CONTRACT])
def test_a_changed_key_reruns_exactly_what_depends_on_it(outcomes, row):
    outcome, rules = outcomes[row].result(), CONTRACT[row][1]
    assert outcome.rules == rules, outcome.text


def test_every_key_of_the_method_has_a_contract():
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    tested = {key for changes, _ in CONTRACT for key in changes.get("deconvnet", {})}
    assert tested == set(schema["$defs"]["deconvnet"]["properties"])


def test_a_second_run_does_nothing(projected, tiny_deconvnet):
    assert projected.run("-n", config=tiny_deconvnet).nothing_to_do


def test_the_pages_are_there(projected):
    pages = projected.directory / "results/tiny_deconvnet/report/projections"
    assert {"index.html", "images", "layers"} <= {path.name for path in pages.iterdir()}


def test_a_lost_sheet_alone_is_drawn_again(projected, tiny_deconvnet):
    folder = next((projected.directory / "results/tiny_deconvnet/deconvnet").glob("*/*/sheets"))
    kept = folder.with_name("kept")
    folder.rename(kept)
    try:
        assert projected.run("-n", config=tiny_deconvnet).rules == {"plot_projections", *PAGES}
    finally:
        kept.rename(folder)

"""The rerun contract of occlusion: one changed key, exactly these rules again."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from convscope.occlusion.score_table import read_context_rows, read_score_rows
from rerun_rows import COLOURS, GEOMETRY, IMAGES, NETWORK, TABLES, TRAINING, name_of, network, toy
from snakemake_runs import ROOT

PAGES = {"build_occlusion_pages"}
FIGURES = {"plot_occlusion", *PAGES}
SCORES = {"score_occlusion", "tabulate_occlusion", *FIGURES}
MAPS = {"occlude", *SCORES}
COARSE = {"name": "coarse", "patch": 56, "stride": 42}


def occlusion(**changes):
    return {"occlusion": changes}


def occluders(*entries):
    return {"occluders": list(entries)}


CONTRACT = [
    ({"methods": []}, {"build_report"}),
    (occlusion(images=2), MAPS),
    (occlusion(method="plain"), MAPS),
    (occlusion(method="coarse_to_fine"), MAPS),
    (occlusion(curve_steps=3), SCORES),
    (occlusion(curve_seed=5), SCORES),
    (occlusion(sigma=2), FIGURES),
    (occluders({**COARSE, "patch": 60}), MAPS),
    (occluders({**COARSE, "stride": 30}), MAPS),
    (occluders({**COARSE, "fill": "grey"}), MAPS),
    (occluders({**COARSE, "name": "other"}), MAPS),
    (occluders(COARSE, {"name": "blurred", "patch": 56, "stride": 84, "fill": "blur"}), MAPS),
    ({"predictions": {"top": 1}}, TABLES),
    ({"report": {"images": 1}}, {"build_report"}),
    ({"variants": ["normal"]}, {"extract_features", *TABLES}),
    (toy(seed=6), {"draw_scenes", *IMAGES, *MAPS}),
    ({"training": {"kept_epochs": [0, 2]}}, TRAINING | MAPS),
    (network("small", preprocessing={**GEOMETRY, **COLOURS}), NETWORK | MAPS),
]
# What the method that is chosen does not read.
UNREAD = occlusion(every=5, share=0.5, compare=True)


@pytest.fixture(scope="module")
def outcomes(occluded, tiny_occlusion):
    """Return what Snakemake plans after each change; two dry runs at a time."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield [
            pool.submit(occluded.plan, base=tiny_occlusion, **changes) for changes, _ in CONTRACT
        ]
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("row", range(len(CONTRACT)), ids=[name_of(c) for c, _ in CONTRACT])
def test_a_changed_key_reruns_exactly_what_depends_on_it(outcomes, row):
    outcome, rules = outcomes[row].result(), CONTRACT[row][1]
    assert outcome.rules == rules, outcome.text


def test_an_added_occluder_leaves_the_others(outcomes):
    (row,) = (n for n, (c, _) in enumerate(CONTRACT) if len(c.get("occluders", [])) == 2)
    assert outcomes[row].result().jobs["occlude"] == 1


def test_keys_of_another_method_rerun_nothing(occluded, tiny_occlusion):
    assert occluded.plan(base=tiny_occlusion, **UNREAD).nothing_to_do


def test_every_key_of_the_method_has_a_contract():
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    tested = {key for changes, _ in CONTRACT for key in changes.get("occlusion", {})}
    assert tested | set(UNREAD["occlusion"]) == set(schema["$defs"]["occlusion"]["properties"])


def test_a_second_run_does_nothing(occluded, tiny_occlusion):
    assert occluded.run("-n", config=tiny_occlusion).nothing_to_do


def test_maps_figures_and_pages_are_there(occluded):
    results = occluded.directory / "results/tiny_occlusion"
    (maps,) = results.glob("occlusion/small/*/coarse/occlusion.h5")
    assert (maps.parent / "times.tsv").read_text().startswith("image\tseconds\n")
    assert list(maps.parent.glob("figures/*.png"))
    assert (results / "report/occlusion/index.html").is_file()
    (row,) = read_score_rows(results / "occlusion/scores.tsv")
    assert (row["network"], row["occluder"]) == ("small", "coarse")
    assert all(row[name] for name in ("deletion", "random_insertion", "label_erased"))
    (row,) = read_context_rows(results / "occlusion/context.tsv")
    assert row["scenes"] == "1"

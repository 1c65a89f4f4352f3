"""The rerun contract of config/README.md: one changed key, exactly these rules again."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from rerun_rows import (
    COLOURS,
    FEATURES,
    GEOMETRY,
    IMAGES,
    NETWORK,
    SCENES,
    TABLES,
    TRAINING,
    name_of,
    network,
    toy,
)
from snakemake_runs import ROOT, TINY

DECONVNET = {
    *("project_features", "measure_controls", "plot_projections", "rank_batch", "rank_units"),
    *("project_units", "project_evolution", "plot_units", "plot_evolution"),
    *("build_projection_pages", "build_report"),
}

INVARIANCE = {
    *("measure_invariance", "tabulate_invariance", "plot_invariance", "measure_correspondence"),
    *("tabulate_correspondence", "build_invariance_pages", "build_report"),
}

SYNTHESIS = {
    *("maximise_class", "tabulate_maximisation", "plot_maximisation", "build_maximisation_pages"),
    *("invert_features", "tabulate_inversion", "plot_inversion", "build_inversion_pages"),
    "build_report",
}

OCCLUSION = {
    *("occlude", "score_occlusion", "plot_occlusion", "tabulate_occlusion"),
    *("build_occlusion_pages", "build_report"),
}

MORE = {"kind": "scenes", "per_class": 1, "seed": 9, "classes": ["striped_disc"]}


CONTRACT = [
    # What downstream of a rule that runs again always follows, in the same call.
    ({"experiment": "other"}, SCENES | {"check_network"}),
    ({"networks": ["small", "untrained"]}, {"make_random_weights", *NETWORK}),
    ({"sample_sets": ["toy", "more"], "sample_set_definitions": {"more": MORE}}, SCENES),
    ({"methods": ["deconvnet"], "deconvnet": {"top": 2}}, DECONVNET),
    ({"methods": ["invariance"]}, INVARIANCE),
    (
        {
            "methods": ["maximisation", "inversion"],
            "maximisation": {"classes": ["striped_disc"]},
        },
        SYNTHESIS,
    ),
    ({"methods": ["occlusion"]}, OCCLUSION),
    ({"batch_size": 1}, SCENES),
    ({"variants": ["normal", "rotate_90_clockwise"]}, FEATURES),
    ({"variants": ["normal", "rotate_90_clockwise", "centre_occlusion", "rotated"]}, FEATURES),
    ({"variant_definitions": {"centre_occlusion": {"size": 60}}}, FEATURES),
    ({"features": {"activations": "float32"}}, FEATURES),
    ({"predictions": {"top": 1}}, TABLES),
    ({"report": {"images": 1}}, {"build_report"}),
    (toy(per_class=3), SCENES),
    (toy(seed=6), SCENES),
    (toy(condition="object_removed"), SCENES),
    (toy(classes=["striped_disc"]), TABLES),  # Its two scenes are a batch already.
    (network("small", stored_layers=["relu1_2", "relu2_1"]), FEATURES),
    (network("small", preprocessing={**GEOMETRY, **COLOURS}), NETWORK),
    (network("small", preprocessing={**GEOMETRY, **COLOURS, "resize": 256}), NETWORK | IMAGES),
    (network("small", training={"widths": [4, 6]}), TRAINING),
    (network("small", training={"seed": 2}), TRAINING),
    ({"training": {"learning_rate": 0.002}}, TRAINING),
    ({"training": {"stages": [{"epochs": 2, "crop": 80, "scenes": 48}]}}, TRAINING),
    ({"training": {"kept_epochs": [0, 2]}}, TRAINING),
    ({"training": {"context_cue": 0.5}}, TRAINING),
    ({"training": {"classes": ["striped_disc", "chequered_square", "ringed_star"]}}, TRAINING),
]


# All of these at once: if something runs again, Snakemake's text says what and why.
UNUSED = {
    "variant_definitions": {"corner_occlusion": {"size": 60}, "tilted": {"rotate": 5}},
    "base_urls": {
        "photographs": "http://mirror/p",
        "weights": "http://mirror/w",
        "mini_imagenet": "http://mirror/h",
        "mine": "http://mirror/m",
    },
    "sample_set_definitions": {"sheet": {"sheet": "missing.tsv"}, "more": MORE},
    "network_definitions": {
        "untrained": {"seed": 4},
        # What the defaults and the weights of `small` say already.
        "small": {"seed": 4, "sample_sets": ["toy"]},
        "added": {"architecture": "alexnet", "weights": "missing.pth"},
    },
    # `small` has widths of its own.
    "training": {"widths": [5, 6]},
    # No method is chosen; each has a contract of its own beside this one.
    "occluders": [{"name": "large", "patch": 100}],
    "occlusion": {"images": 1},
    "deconvnet": {"top": 4, "layers": ["relu9_9"]},
    "invariance": {"images": 1, "layers": ["relu9_9"]},
    "correspondence": {"images": 1, "fill": "mean"},
    "maximisation": {"classes": ["nothing"], "iterations": 5},
    "inversion": {"layers": ["relu9_9"]},
    "preset_definitions": {"wide": {"like": "ladder_e", "blur_sigma": 3}},
}


def test_changes_of_what_is_not_used_rerun_nothing(finished):
    outcome = finished.plan(**UNUSED)
    assert outcome.nothing_to_do, outcome.text


@pytest.fixture(scope="module")
def outcomes(finished):
    """Return what Snakemake plans after each change; two dry runs at a time."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield [pool.submit(finished.plan, **changes) for changes, _ in CONTRACT]
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("row", range(len(CONTRACT)), ids=[name_of(c) for c, _ in CONTRACT])
def test_a_changed_key_reruns_exactly_what_depends_on_it(outcomes, row):
    outcome, rules = outcomes[row].result(), CONTRACT[row][1]
    assert outcome.rules == rules, outcome.text


def test_every_section_of_the_configuration_has_a_contract():
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    tested = {key for changes, _ in CONTRACT for key in changes} | set(UNUSED)
    assert tested == set(schema["properties"])


def test_a_second_run_does_nothing(finished):
    outcome = finished.run()
    assert outcome.status == 0
    assert outcome.nothing_to_do, outcome.text


def test_other_spellings_of_the_same_settings_do_nothing(finished):
    config = yaml.safe_load(TINY.read_text())
    config["training"] |= {"context_cue": 0.0, "minimum_accuracy": 0.0}
    reordered = {key: config[key] for key in reversed(config)}
    outcome = finished.run("-n", config=finished.write(reordered))
    assert outcome.nothing_to_do, outcome.text


def test_threads_cores_and_a_missing_gpu_do_nothing(finished):
    outcome = finished.run("-n", "--set-threads", "extract_features=2", "--resources", "gpu=0")
    assert outcome.nothing_to_do, outcome.text


def test_an_added_network_is_all_that_is_computed(outcomes):
    (row,) = (n for n, (changes, _) in enumerate(CONTRACT) if "networks" in changes)
    once = {"make_random_weights", "check_network", *TABLES}
    assert outcomes[row].result().jobs == {"extract_features": 2} | dict.fromkeys(once, 1)


def test_the_dry_run_says_why(outcomes):
    (row,) = (n for n, (changes, _) in enumerate(CONTRACT) if "predictions" in changes)
    assert "Params have changed since last execution" in outcomes[row].result().text


def test_a_lost_file_alone_is_made_again(copy_of_finished):
    (copy_of_finished.directory / "results/tiny/report/index.html").unlink()
    assert copy_of_finished.run("-n").rules == {"build_report"}

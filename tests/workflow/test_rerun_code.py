"""Code that changes a number reruns what uses it; words, layout and unrelated modules don't."""

import os
import time
from contextlib import ExitStack

import pytest

TABLES = {"tabulate_predictions", "build_report"}
FEATURES = {"extract_features", *TABLES}
NETWORK = {"check_network", *FEATURES}
TRAINING = {"train_reference", *NETWORK}
IMAGES = {"prepare_images", *FEATURES}
EVERYTHING = {"draw_scenes", *IMAGES, *TRAINING}
LIBRARY = "scripts/convscope"
STATEMENT = ("\nimport ", "\nCHANGED = 1\nimport ")


def test_words_layout_and_unrelated_modules_rerun_nothing(finished):
    edits = {
        "features/peaks.py": ("\nimport ", "\n# A comment\n\n\nimport "),
        "scenes/textures.py": ('"""', '"""In other words: '),
        "networks/train.py": ("(\n    ", "(\n        "),
        # Downloads don't depend on code, and no network of the run has random weights.
        "fetching/downloads.py": STATEMENT,
        "networks/weights.py": STATEMENT,
    }
    unused = finished.repository / LIBRARY / "features/unused.py"
    with ExitStack() as stack:
        for module, (old, new) in edits.items():
            stack.enter_context(finished.edited(f"{LIBRARY}/{module}", old, new))
        unused.write_text('"""Nothing uses this."""\n\nVALUE = 1\n')
        stack.callback(unused.unlink)
        outcome = finished.run("-n")
    assert outcome.nothing_to_do, outcome.text


@pytest.mark.parametrize(
    ("module", "rules"),
    [
        ("scenes/store.py", {"draw_scenes", *IMAGES}),
        ("images/sources.py", IMAGES),
        ("networks/scene_accuracy.py", TRAINING),
        ("features/peaks.py", FEATURES),
        ("report/gallery.py", {"build_report"}),
        # Training draws scenes too.
        ("scenes/textures.py", EVERYTHING),
    ],
)
def test_a_changed_statement_reruns_the_stages_that_use_it(finished, module, rules):
    with finished.edited(f"{LIBRARY}/{module}", *STATEMENT):
        outcome = finished.run("-n")
    assert outcome.rules == rules, outcome.text


def test_a_changed_data_file_of_a_module_reruns_its_stage(finished):
    with finished.edited(f"{LIBRARY}/predictions/published.tsv", "\n", "\n\n"):
        assert finished.run("-n").rules == TABLES


def test_a_touched_script_reruns_its_rule_as_documented(finished):
    script = finished.repository / "scripts/tabulate_predictions.py"
    before = script.stat()
    os.utime(script, (time.time(), time.time()))
    try:
        outcome = finished.run("-n")
    finally:
        os.utime(script, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert outcome.rules == TABLES


def test_touch_keeps_results_after_a_refactoring(copy_of_finished):
    project = copy_of_finished
    with project.edited(f"{LIBRARY}/report/gallery.py", *STATEMENT):
        assert project.run("--touch").status == 0
        assert project.run("-n").nothing_to_do

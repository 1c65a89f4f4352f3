"""Labels as each network understands them, from the settings of the table."""

import pytest

from convscope.classes.lists import ClassList, class_list
from convscope.errors import UserError
from convscope.planning.settings import Settings
from convscope.predictions.labels import class_lists, resolve_labels
from planning_toys import plan_of, sheet_overlay, sheet_plan, urls, write_sheet

OWN = ClassList("own", ("griffin", "tabby", "Tabby"), ("", "n02123045", ""))


def test_labels_are_resolved_for_every_network():
    classes = {"a": class_list("imagenet"), "b": OWN}
    labels = {"one": "n02123045", "two": "griffin", "three": "lion", "four": "n02123045"}
    assert resolve_labels(labels, classes) == {
        "one": {"a": 281, "b": 1},
        "two": {"a": None, "b": 0},
        "three": {"a": 291, "b": None},
        "four": {"a": 281, "b": 1},
    }


def test_a_label_that_fits_several_classes_is_none_of_them():
    # Planning refuses it for networks that look at the image; another network has no say.
    assert resolve_labels({"one": "tabby"}, {"a": class_list("imagenet"), "b": OWN}) == {
        "one": {"a": 281, "b": None}
    }


def test_class_lists_from_settings():
    settings = {"a": "imagenet", "b": {"names": list(OWN.names), "wnids": list(OWN.wnids)}}
    found = class_lists(settings)
    assert found["a"] is class_list("imagenet")
    assert (found["b"].names, found["b"].wnids) == (OWN.names, OWN.wnids)


def test_no_labels():
    assert resolve_labels({}, {"a": OWN}) == {}


def test_the_tables_settings_resolve_as_planned(tmp_path):
    rows = [*urls(2, "lion"), ("unlabelled", "https://example.org/x.jpg")]
    settings = Settings(sheet_plan(tmp_path, rows)).tabulate_predictions()
    found = resolve_labels(settings["labels"], class_lists(settings["classes"]))
    assert found == {"image_0": {"eyes": 291}, "image_1": {"eyes": 291}}


def test_an_ambiguous_label_is_refused_where_a_network_looks_and_null_elsewhere(tmp_path):
    (tmp_path / "own.tsv").write_text("index\tname\n0\tlion\n1\tLion\n", encoding="utf-8")
    overlay = sheet_overlay(write_sheet(tmp_path, urls(1, "lion")))
    overlay["networks"] = ["eyes", "other"]
    overlay["sample_sets"] = ["toys", "scenes"]
    overlay["methods"] = []
    overlay["network_definitions"]["other"] = {
        "architecture": "alexnet",
        "weights": "random",
        "classes": str(tmp_path / "own.tsv"),
    }
    with pytest.raises(UserError, match=r"sheet\.tsv, row 2, column label.*ambiguous"):
        plan_of(overlay)
    overlay["network_definitions"]["other"]["sample_sets"] = ["scenes"]
    settings = Settings(plan_of(overlay)).tabulate_predictions()
    found = resolve_labels(settings["labels"], class_lists(settings["classes"]))
    assert found["image_0"] == {"eyes": 291, "other": None}

"""What the tables and pages say about the run, as plain settings."""

from typing import Any

from convscope.classes.lists import ClassList
from convscope.planning.network_entries import Network
from convscope.planning.plan import Plan
from convscope.planning.sample_sets import SampleSet
from convscope.versions import versions_of

PAGES = {
    None: {"title": "Overview", "href": "index.html"},
    "deconvnet": {"title": "Projections", "href": "projections/index.html"},
    "occlusion": {"title": "Occlusion", "href": "occlusion/index.html"},
    "invariance": {"title": "Invariance", "href": "invariance/index.html"},
    "maximisation": {"title": "Maximised classes", "href": "maximisation/index.html"},
    "inversion": {"title": "Inverted layers", "href": "inversion/index.html"},
}
"""Pages of the report in the order of the navigation, by the method that makes them."""

DOWNLOADS = (
    ("Predictions (CSV)", "predictions.csv"),
    ("Predictions (Parquet)", "predictions.parquet"),
    ("Summary (CSV)", "summary.csv"),
    ("Table of all images (Markdown)", "table.md"),
)
"""Files of the predictions folder that the report links to."""

VERSIONS = ("h5py", "numpy", "pillow", "snakemake", "torch", "torchvision")


def tabulate_settings(plan: Plan) -> dict[str, Any]:
    """Return what the predictions table depends on beside the features."""
    sample_sets = list(plan.sample_sets)
    return {
        "features": [
            {"network": network.name, "sample_set": batch.sample_set}
            for network, batch in plan.pairs()
        ],
        "labels": {
            image.id: image.label
            for sample_set in plan.sample_sets.values()
            for image in sample_set.images.values()
            if image.label is not None
        },
        "classes": {name: class_settings(n.classes) for name, n in plan.networks.items()},
        "architectures": {name: n.architecture.name for name, n in plan.networks.items()},
        "sample_sets": sample_sets,
        "variants": list(plan.variants),
        "networks": list(plan.networks),
        "top": plan.config["predictions"]["top"],
    }


def report_settings(plan: Plan) -> dict[str, Any]:
    """Return what the report's first page depends on beside tables and pictures."""
    network = next(iter(plan.networks.values()))
    return {
        "experiment": plan.config["experiment"],
        "images": plan.config["report"]["images"],
        "networks": [
            {"name": name, "weights": n.weights.title} for name, n in plan.networks.items()
        ],
        "sample_sets": [
            {"name": name, "source": _source_in_words(s)} for name, s in plan.sample_sets.items()
        ],
        "image_sets": [batch.sample_set for batch in plan.batches.values()],
        "variants": [
            {"name": name, "definition": definition} for name, definition in plan.variants.items()
        ],
        "mean_rgb": list(network.preprocessing["mean"]),
        "versions": versions_of(*VERSIONS),
        "downloads": [title for title, _ in DOWNLOADS],
        **page_settings(plan),
        "notes": _notes(plan),
    }


def pages(plan: Plan) -> list[dict[str, str]]:
    """Return the navigation of the report: its pages, linked from the report's folder."""
    made = (None, *plan.config["methods"])
    return [page for method, page in PAGES.items() if method in made]


def shows_imagenet(plan: Plan) -> bool:
    """Return whether photographs of ImageNet are shown, which come with terms of access."""
    return any(_is_imagenet(sample_set) for sample_set in plan.sample_sets.values())


def page_settings(plan: Plan) -> dict[str, Any]:
    """Return what every page with images says: the navigation, and whose terms hold."""
    return {"pages": pages(plan), "imagenet_terms": shows_imagenet(plan)}


def class_settings(classes: ClassList) -> str | dict[str, Any]:
    """Name a built-in list, whose file is part of the code; write out any other."""
    if classes.title == "imagenet":
        return "imagenet"
    return {"names": list(classes.names), "wnids": list(classes.wnids)}


def _source_in_words(sample_set: SampleSet) -> str:
    settings = sample_set.settings
    if settings["kind"] == "sheet":
        return "the photographs of a sample sheet"
    if settings["kind"] == "mini_imagenet":
        return f"Mini-ImageNet, {settings['split']} split, {settings['per_class']} of each class"
    condition = settings["condition"].replace("_", " ")
    return f"generated scenes, {condition}, seed {settings['seed']}"


def _is_imagenet(sample_set: SampleSet) -> bool:
    if sample_set.settings["kind"] == "mini_imagenet":
        return True
    return any("imagenet" in image.source.place.lower() for image in sample_set.images.values())


def _notes(plan: Plan) -> list[str]:
    notes = [f"{n.name}: {note}" for n in plan.networks.values() for note in n.notes]
    for network in plan.networks.values():
        missing = sorted(_unknown_labels(plan, network))
        if missing:
            shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
            notes.append(f"{network.name} has no class for the labels {shown}: no score there.")
    return notes


def _unknown_labels(plan: Plan, network: Network) -> set[str]:
    labels = {
        image.label
        for name in network.sample_sets
        for image in plan.sample_sets[name].images.values()
        if image.label is not None
    }
    return {label for label in labels if network.classes.index_of(label) is None}

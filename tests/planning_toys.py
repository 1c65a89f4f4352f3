"""Plans of small runs: config.yaml with an overlay merged as Snakemake does, sheets in a folder."""

import copy
from collections import defaultdict
from functools import cache
from pathlib import Path

import yaml

from convscope.planning.plan import Plan, geometry_name, make_plan
from convscope.planning.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "config/config.yaml"
HEADER = ("image", "source", "label", "sha256", "variants")
WEIGHT_RULES = {
    "published": "convert_weights",
    "file": "convert_weights",
    "random": "make_random_weights",
    "trained": "train_reference",
}


def merged(*overlays):
    """Return config.yaml with overlays (dicts or YAML) on top: dicts key by key, lists replaced."""
    config = copy.deepcopy(_config())
    for overlay in overlays:
        _merge(config, yaml.safe_load(overlay) if isinstance(overlay, str) else overlay)
    return config


@cache
def _config():
    return yaml.safe_load(CONFIG.read_text(encoding="utf-8"))


def _merge(config, overlay):
    for key, value in copy.deepcopy(overlay).items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            _merge(config[key], value)
        else:
            config[key] = value


def plan_of(*overlays):
    """Return the plan of config.yaml with overlays."""
    return make_plan(merged(*overlays), [], ROOT)


def write_sheet(folder, rows, header=HEADER):
    """Write a sheet; a row is a tuple of cells, missing ones at its end are empty."""
    lines = [header, *((*row, *[""] * (len(header) - len(row))) for row in rows)]
    path = Path(folder) / "sheet.tsv"
    path.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")
    return path


def sheet_plan(folder, rows, *overlays, header=HEADER):
    """Return the plan of a run of an untrained AlexNet on the images of a sheet."""
    return plan_of(sheet_overlay(write_sheet(folder, rows, header)), *overlays)


def sheet_overlay(sheet):
    return {
        "experiment": "toy",
        "networks": ["eyes"],
        "sample_sets": ["toys"],
        "network_definitions": {"eyes": {"architecture": "alexnet", "weights": "random"}},
        "sample_set_definitions": {"toys": {"kind": "sheet", "sheet": str(sheet)}},
    }


def urls(count, label="tabby"):
    """Return rows of images that are to be fetched."""
    return [(f"image_{k}", f"https://example.org/{k}.jpg", label) for k in range(count)]


def snapshot(plan: Plan) -> dict[str, dict[str, str]]:
    """Return ``{rule: {wildcards: repr of params and inputs}}`` of all jobs of a plan."""
    settings = Settings(plan)
    jobs = defaultdict(dict)
    for network, batch in plan.pairs():
        geometry = geometry_name(network.geometry)
        inputs = settings.image_inputs(batch.name)
        jobs["prepare_images"][geometry, batch.name] = (
            settings.prepare_images(geometry, batch.name),
            inputs,
        )
        jobs["extract_features"][network.name, batch.name] = (
            settings.extract_features(network.name, batch.name),
            settings.images_file(network.name, batch.name),
            settings.weights_file(network.name),
        )
        for path in inputs:
            _add_source(jobs, settings, path, batch.name)
    for name, network in plan.networks.items():
        digest = Path(settings.weights_file(name)).parent.name
        jobs[WEIGHT_RULES[network.weights.kind]][digest] = settings.weights(digest)
        jobs["check_network"][name] = settings.check_network(name)
        if network.weights.kind == "published":
            place = Path(settings.weights_source(digest)).parent.name
            jobs["fetch_weights"][place] = settings.fetch_weights(place)
    jobs["tabulate_predictions"][""] = settings.tabulate_predictions(), settings.features_files()
    jobs["build_report"][""] = (
        settings.build_report(),
        settings.report_images(),
        settings.report_downloads(),
        settings.checks(),
    )
    return {rule: {key: repr(job) for key, job in found.items()} for rule, found in jobs.items()}


def _add_source(jobs, settings, path, batch):
    parts = Path(path).parts
    if parts[:3] == ("results", "shared", "image_groups"):
        jobs["fetch_images"][parts[3]] = settings.fetch_images(parts[3])
    elif parts[:3] == ("results", "shared", "samples"):
        revision, split, group = parts[4:7]
        arguments = settings.fetch_mini_imagenet(revision, split, group)
        jobs["fetch_mini_imagenet"][revision, split, group] = arguments
    elif parts[-1] == "scenes.h5":
        jobs["draw_scenes"][batch] = settings.draw_scenes(batch)


def changed_jobs(before, after):
    """Return ``{rule: jobs of the second plan that are new or differ}`` of two snapshots."""
    changed = {
        rule: {key for key, job in jobs.items() if before.get(rule, {}).get(key) != job}
        for rule, jobs in after.items()
    }
    return {rule: keys for rule, keys in changed.items() if keys}

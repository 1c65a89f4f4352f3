"""The tiny experiment, script by script, in this process."""

from contextlib import chdir
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from convscope.networks.reference import reference_network
from glue_jobs import run_script, settings_of

SMALL = {"architecture": "reference", "preprocessing": "scenes", "training": {"widths": [4, 8]}}
CHANGES = {
    "networks": ["untrained", "copied"],
    "sample_sets": ["toy", "sheet"],
    "network_definitions": {
        "untrained": {"stored_layers": ["relu1_2"]},
        "copied": {**SMALL, "weights": "weights.pth", "classes": "scenes"},
    },
}


@pytest.fixture(scope="session")
def chain(tmp_path_factory):
    """Return the settings and the folder of an experiment whose scripts have all run once."""
    folder = tmp_path_factory.mktemp("glue")
    with chdir(folder):
        torch.manual_seed(7)
        torch.save(reference_network([4, 8], 8, 64).state_dict(), "weights.pth")
        colours = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
        Image.fromarray(colours).save("colours.png")
        sheet = "image\tsource\tlabel\ncolours\tcolours.png\tstriped_disc\n"
        (folder / "images.tsv").write_text(sheet)
        settings = settings_of(**CHANGES)
        for stage in (make_images, make_networks, extract, tabulate_and_report):
            stage(settings)
    return SimpleNamespace(settings=settings, plan=settings.plan, folder=folder)


def make_images(settings):
    plan = settings.plan
    for name, batch in plan.batches.items():
        if plan.sample_sets[batch.sample_set].settings["kind"] == "scenes":
            run_script(
                "draw_scenes",
                settings.draw_scenes(name),
                outputs={"scenes": f"{plan.results}/scenes/{name}/scenes.h5"},
                log=f"logs/draw_scenes/{name}.log",
            )
        for geometry in plan.geometries:
            run_script(
                "prepare_images",
                settings.prepare_images(geometry, name),
                inputs=settings.image_inputs(name),
                outputs=[f"{plan.results}/images/{geometry}/{name}/images.h5"],
                log=f"logs/prepare_images/{geometry}/{name}.log",
            )


def make_networks(settings):
    for name, rule in (("untrained", "make_random_weights"), ("copied", "convert_weights")):
        weights = settings.weights_file(name)
        digest = weights.split("/")[-2]
        run_script(
            rule,
            settings.weights(digest),
            inputs=[settings.weights_source(digest)] if rule == "convert_weights" else [],
            outputs=[weights],
            log=f"logs/{rule}/{name}.log",
        )
        run_script(
            "check_network",
            settings.check_network(name),
            inputs={"weights": weights},
            outputs=[f"{settings.plan.results}/networks/{name}/check.json"],
            log=f"logs/check_network/{name}.log",
        )


def extract(settings):
    for network, batch in settings.plan.pairs():
        run_script(
            "extract_features",
            settings.extract_features(network.name, batch.name),
            inputs=extraction_inputs(settings, network.name, batch.name),
            outputs=[settings.plan.features_file(network, batch)],
            log=f"logs/extract_features/{network.name}/{batch.name}.log",
        )


def extraction_inputs(settings, network, batch):
    return {
        "images": settings.images_file(network, batch),
        "weights": settings.weights_file(network),
        "check": f"{settings.plan.results}/networks/{network}/check.json",
    }


def tabulate_and_report(settings):
    folder = f"{settings.plan.results}/predictions"
    names = {"csv": "predictions.csv", "parquet": "predictions.parquet"}
    names |= {"html": "table.html", "markdown": "table.md", "summary": "summary.csv"}
    run_script(
        "tabulate_predictions",
        settings.tabulate_predictions(),
        inputs={"features": settings.features_files()},
        outputs={key: f"{folder}/{name}" for key, name in names.items()},
        log="logs/tabulate_predictions/all.log",
    )
    run_script(
        "build_report",
        settings.build_report(),
        inputs={
            "predictions": f"{folder}/predictions.parquet",
            "downloads": settings.report_downloads(),
            "images": settings.report_images(),
            "checks": settings.checks(),
        },
        outputs={"index": f"{settings.plan.results}/report/index.html"},
        log="logs/build_report/index.log",
    )

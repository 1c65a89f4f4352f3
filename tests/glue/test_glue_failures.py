"""A user's mistake ends every script with status 1, one message, and no output file."""

import shutil

import pytest
import torch

from glue_jobs import run_script


@pytest.fixture
def damaged(chain, tmp_path, monkeypatch):
    """Return a copy of the finished chain, to be damaged; the working directory is in it."""
    shutil.copytree(chain.folder, tmp_path / "chain")
    monkeypatch.chdir(tmp_path / "chain")
    return chain.settings


def cut(path):
    """Damage a file by taking its second half away."""
    with open(path, "r+b") as stream:  # noqa: PTH123
        stream.truncate(stream.seek(0, 2) // 2)
    return path


def fails(tmp_path, rule, settings, *words, **files):
    log = tmp_path / "failed.log"
    output = tmp_path / "folder" / "output"
    outputs = files.pop("outputs", [output])
    with pytest.raises(SystemExit) as stop:
        run_script(rule, settings, outputs=outputs, log=log, **files)
    assert stop.value.code == 1
    text = log.read_text()
    assert " ERROR " in text
    assert "Traceback" not in text
    for word in words:
        assert word in text, text
    assert not (tmp_path / "folder").exists() or not list((tmp_path / "folder").iterdir())


def test_prepare_images_of_a_damaged_scene_file(damaged, tmp_path):
    name = next(name for name in damaged.plan.batches if name.startswith("toy"))
    geometry = next(iter(damaged.plan.geometries))
    paths = [cut(path) for path in damaged.image_inputs(name)]
    settings = damaged.prepare_images(geometry, name)
    fails(tmp_path, "prepare_images", settings, paths[0], inputs=paths)


def test_convert_weights_with_nan(damaged, tmp_path):
    state = torch.load("weights.pth", weights_only=True)
    state["classifier.0.bias"] = state["classifier.0.bias"] * float("nan")
    torch.save(state, "weights.pth")
    digest = damaged.weights_file("copied").split("/")[-2]
    settings = damaged.weights(digest)
    words = ("weights.pth", "classifier.0.bias holds NaN")
    fails(tmp_path, "convert_weights", settings, *words, inputs=["weights.pth"])


def test_check_network_of_damaged_weights(damaged, tmp_path):
    weights = cut(damaged.weights_file("untrained"))
    settings = damaged.check_network("untrained")
    fails(tmp_path, "check_network", settings, weights, inputs={"weights": weights})


@pytest.mark.parametrize("which", ["images", "weights"])
def test_extract_features_from_damaged_files(damaged, tmp_path, which):
    network, batch = damaged.plan.pairs()[0]
    inputs = {
        "images": damaged.images_file(network.name, batch.name),
        "weights": damaged.weights_file(network.name),
        "check": f"{damaged.plan.results}/networks/{network.name}/check.json",
    }
    cut(inputs[which])
    settings = damaged.extract_features(network.name, batch.name)
    fails(tmp_path, "extract_features", settings, inputs[which], inputs=inputs)


def test_tabulate_predictions_of_damaged_features(damaged, tmp_path):
    paths = damaged.features_files()
    cut(paths[-1])
    names = ("csv", "parquet", "html", "markdown", "summary")
    fails(
        tmp_path,
        "tabulate_predictions",
        damaged.tabulate_predictions(),
        paths[-1],
        inputs={"features": paths},
        outputs={name: str(tmp_path / "folder" / name) for name in names},
    )


def test_build_report_of_damaged_images(damaged, tmp_path):
    images = damaged.report_images()
    cut(images[0])
    inputs = {
        "predictions": f"{damaged.plan.results}/predictions/predictions.parquet",
        "downloads": damaged.report_downloads(),
        "images": images,
        "checks": damaged.checks(),
    }
    fails(
        tmp_path,
        "build_report",
        damaged.build_report(),
        images[0],
        inputs=inputs,
        outputs={"index": str(tmp_path / "folder" / "index.html")},
    )


def test_code_that_changed_after_planning_is_refused(damaged, tmp_path):
    name = next(iter(damaged.plan.batches))
    settings = {**damaged.draw_scenes(name), "code": "0" * 16}
    fails(
        tmp_path,
        "draw_scenes",
        settings,
        "the code changed after this run was planned",
        outputs={"scenes": str(tmp_path / "folder" / "scenes.h5")},
    )

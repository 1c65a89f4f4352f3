"""extract_features: the same bytes twice, and the same numbers on a GPU."""

import numpy as np
import pytest
import torch

from convscope.hdf5 import reading
from glue_jobs import run_script


@pytest.fixture
def extract(chain, tmp_path, monkeypatch):
    """Return a function that extracts the first planned pair again, and the file of the chain."""
    monkeypatch.chdir(chain.folder)
    network, batch = chain.plan.pairs()[0]
    settings = chain.settings

    def run(**resources):
        output = tmp_path / "features.h5"
        run_script(
            "extract_features",
            settings.extract_features(network.name, batch.name),
            inputs={
                "images": settings.images_file(network.name, batch.name),
                "weights": settings.weights_file(network.name),
                "check": f"{chain.plan.results}/networks/{network.name}/check.json",
            },
            outputs=[output],
            log=tmp_path / "extract.log",
            **resources,
        )
        return output

    return run, chain.folder / chain.plan.features_file(network, batch), tmp_path / "extract.log"


def numbers(path):
    """Return logits, peaks and stored activations by name."""
    found = {}
    with reading(path, "features/1") as file:
        file.visititems(
            lambda name, item: found.__setitem__(name, item[()]) if hasattr(item, "dtype") else None
        )
    return found


def test_extracting_twice_gives_the_same_bytes(extract):
    run, first, log = extract
    assert run(gpu=0, threads=1).read_bytes() == first.read_bytes()
    assert "device: CPU (the job was given no GPU)" in log.read_text()


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")
def test_a_gpu_that_is_not_there_is_said(extract):
    run, first, log = extract
    assert run(gpu=1, threads=1).read_bytes() == first.read_bytes()
    assert "no CUDA device is there; this is slower" in log.read_text()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is there")
def test_a_gpu_gives_the_numbers_of_the_cpu(extract):
    run, first, log = extract
    expected, found = numbers(first), numbers(run(gpu=1, threads=1))
    assert "device: CPU" not in log.read_text()
    assert found.keys() == expected.keys()
    for name in expected:
        if name.endswith("peak_position"):
            # Where two pixels are equal but for rounding, either may win.
            assert (found[name] == expected[name]).all(axis=-1).mean() > 0.99
        else:
            tolerance = 2e-3 if "activations/" in name else 1e-4
            assert np.allclose(found[name], expected[name], rtol=tolerance, atol=1e-5), name

"""Which layer a class is projected from, for every architecture that is accepted."""

import subprocess
import sys
from pathlib import Path

import pytest

from convscope.deconvnet.class_layer import class_layer, is_globally_pooled
from convscope.networks.architectures import architecture_names, load_architecture
from convscope.networks.reference_layers import reference_architecture

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "workflow" / "architectures"
ALL = [load_architecture(TABLE, name) for name in architecture_names(TABLE)]
ACCEPTED = {architecture.name: architecture for architecture in ALL if architecture.accepted}
POOLED = {"squeezenet1_0", "squeezenet1_1"}


@pytest.mark.parametrize("name", ACCEPTED)
def test_globally_pooled_classes_start_at_the_last_convolution_and_others_at_the_logits(name):
    architecture = ACCEPTED[name].with_classes(7)

    start = class_layer(architecture)

    assert start.channels == 7
    assert start.kind in ("conv", "linear")
    assert is_globally_pooled(architecture) is (name in POOLED)
    if name in POOLED:
        assert start == [layer for layer in architecture.layers if layer.kind == "conv"][-1]
        assert (start.height, start.width) == (13, 13)
    else:
        assert start == architecture.layers[-1]
        assert (start.height, start.width) == (1, 1)


@pytest.mark.parametrize(
    ("name", "common"), [("vgg16", "fc8"), ("alexnet", "fc8"), ("squeezenet1_0", "conv10")]
)
def test_the_papers_names(name, common):
    assert class_layer(ACCEPTED[name]).common_name == common


def test_the_reference_network_starts_at_its_logits():
    reference = reference_architecture([4, 8], classes=3, hidden=3)

    assert class_layer(reference).name == "classifier.2"
    assert not is_globally_pooled(reference)


def test_it_is_decided_without_torch():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from convscope.deconvnet.class_layer import class_layer\n"
        "from convscope.networks.architectures import load_architecture\n"
        f"print(class_layer(load_architecture({str(TABLE)!r}, 'squeezenet1_1')).name)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "scripts", capture_output=True, text=True
    )
    assert run.stdout.strip() == "classifier.1", run.stderr

"""A small real network and its weights."""

import pytest
import torch
import torchvision

from toy_weights import CLASSES


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return torchvision.models.squeezenet1_1(weights=None, num_classes=CLASSES).eval()


@pytest.fixture
def state(network):
    return {key: value.clone() for key, value in network.state_dict().items()}


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out" / "weights.safetensors"

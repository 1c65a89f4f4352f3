"""Real photographs and a real network, from the folder beside the checkout; never part of it."""

import csv
import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.fixture(scope="session")
def photographs():
    """Return the folder of photographs and the rows of its table."""
    folder = required(SHARED / "photos")
    with (folder / "photos.tsv").open(newline="") as stream:
        return folder, list(csv.DictReader(stream, delimiter="\t"))


@pytest.fixture(scope="session")
def squeezenet():
    """Return the weights of a SqueezeNet 1.0 trained on ImageNet."""
    return required(SHARED / "weights/squeezenet1_0.pth")


def required(path: Path) -> Path:
    if not path.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{path} is missing in CI", pytrace=False)
        pytest.skip(f"the real data is not beside the checkout ({path})")
    return path

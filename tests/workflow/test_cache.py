"""Results shared between users (SNAKEMAKE_OUTPUT_CACHE): taken when equal, never by mistake."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from convscope.hdf5 import reading
from projects import Project, Sheet

NAMES = "abcdefghij"
"""So many that images.h5 is above a megabyte, where Snakemake compares times, not contents."""

WEIGHTS = "results/shared/weights/random/*/weights.safetensors"
IMAGES = ("prepare_images", "extract_features", "occlude")
FEATURES = "results/sheet/features/untrained/*/features.h5"
MAPS = "results/sheet/occlusion/untrained/*/coarse/occlusion.h5"
OCCLUSION = {
    "methods": ["occlusion"],
    "occluders": [{"name": "coarse", "patch": 112, "stride": 112}],
    "occlusion": {"images": 1},
}
UNTIL = ("--until", "extract_features", "occlude", "--cache")


@pytest.fixture
def user(repository, tmp_path):
    """Return a function that runs a new user's extraction with the common cache."""

    def run(name, seeds):
        folder = tmp_path / name
        folder.mkdir()
        sheet = Sheet(folder, Project(repository, folder))
        for image, seed in zip(NAMES, seeds, strict=True):
            sheet.draw(image, seed)
        sheet.write(sheet.rows(NAMES))
        (tmp_path / "cache").mkdir(exist_ok=True)
        environment = {"SNAKEMAKE_OUTPUT_CACHE": str(tmp_path / "cache")}
        config = sheet.config(batch_size=len(NAMES), **OCCLUSION)
        run = partial(sheet.project.run, *UNTIL, config=config, environment=environment)
        outcome = run()
        assert outcome.status == 0, outcome.text
        if name == "equal":
            assert run("-n").jobs == {}
        return folder

    return run


def one(folder, pattern) -> Path:
    (path,) = folder.glob(pattern)
    assert path.is_symlink()
    return path.resolve()


def logs(folder):
    """Return the rules whose jobs ran."""
    files = folder.glob("results/*/logs/**/*.log")
    return {path.relative_to(folder).parts[3] for path in files if path.stat().st_size}


def peaks(folder):
    """Return the peaks of every image, ``(images, channels)``."""
    with reading(one(folder, FEATURES), "features/1") as file:
        return file["variants/normal/peak_value"][:]


def test_equal_results_are_taken_and_exchanged_files_never_hit(user, project):
    first = user("first", range(10))
    equal = user("equal", range(10))
    exchanged = user("exchanged", reversed(range(10)))
    assert one(equal, WEIGHTS) == one(first, WEIGHTS) == one(exchanged, WEIGHTS)
    for files in (FEATURES, MAPS):
        assert one(equal, files) == one(first, files) != one(exchanged, files)
    # Nothing was made twice: a job that runs leaves a log.
    assert logs(first) == {"check_network", "make_random_weights", *IMAGES}
    assert logs(equal) == {"check_network", "prepare_images"}
    assert logs(exchanged) == {"check_network", *IMAGES}
    assert np.allclose(peaks(exchanged), peaks(first)[::-1], rtol=1e-4, atol=1e-6)
    assert not np.allclose(peaks(exchanged), peaks(first), rtol=1e-2)
    # Other code of the features: their part alone is computed anew.
    with project.edited("scripts/convscope/features/peaks.py", "\nimport ", "\nA = 1\nimport "):
        changed = user("changed", range(10))
    assert logs(changed) == {"check_network", "prepare_images", "extract_features"}
    assert one(changed, WEIGHTS) == one(first, WEIGHTS)
    assert one(changed, MAPS) == one(first, MAPS)
    assert one(changed, FEATURES) != one(first, FEATURES)

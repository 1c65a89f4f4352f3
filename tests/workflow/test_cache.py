"""Results shared between users (SNAKEMAKE_OUTPUT_CACHE): taken when equal, never by mistake."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convscope.fetching.mini_imagenet_index import MINI_IMAGENET, WNIDS
from projects import Project, Sheet
from servers import serving_hub, write_split
from snakemake_runs import copy_repository

SAMPLES = 10
"""So many that images.h5 is above a megabyte, where Snakemake compares times, not contents."""

FILES = {
    "fetch_mini_imagenet": "results/shared/samples/mini_imagenet/*/test/0/images.zip",
    "make_random_weights": "results/shared/weights/random/*/weights.safetensors",
    "extract_features": "results/sheet/features/untrained/*/features.h5",
    "occlude": "results/sheet/occlusion/untrained/*/coarse/occlusion.h5",
}
OWN = {"check_network", "prepare_images"}
CONFIG = {
    "sample_set_definitions": {
        "samples": {"kind": "mini_imagenet", "classes": [WNIDS[0]], "per_class": SAMPLES}
    },
    "batch_size": SAMPLES,
    "methods": ["occlusion"],
    "occluders": [{"name": "coarse", "patch": 112, "stride": 112}],
    "occlusion": {"images": 1},
}
UNTIL = ("--until", "extract_features", "occlude")


@dataclass(frozen=True)
class User:
    """Somebody with a folder and two images, ``a`` and ``b``; hub and cache are everybody's."""

    sheet: Sheet
    hub: str
    cache: Path

    @classmethod
    def of(cls, folder, hub, repository, seeds=(1, 2)):
        sheet = Sheet(folder, Project(repository, folder))
        folder.mkdir(parents=True)
        for name, seed in zip("ab", seeds, strict=True):
            sheet.draw(name, seed)
        sheet.write(sheet.rows("ab"))
        cache = folder.parent / "cache"
        cache.mkdir(exist_ok=True)
        return cls(sheet, hub.base, cache)

    def run(self, *arguments, sets=("samples",), **keywords):
        urls = {"mini_imagenet": self.hub}
        config = self.sheet.config(**CONFIG, sample_sets=list(sets), base_urls=urls)
        outcome = self.sheet.project.run(*arguments, *UNTIL, config=config, **keywords)
        assert outcome.status == 0, outcome.text
        return outcome

    def share(self):
        self.run("--cache", environment={"SNAKEMAKE_OUTPUT_CACHE": str(self.cache)})

    def names(self):
        """Return by rule and batch under which name the cache has results; runs no job."""
        sets = ("samples", "sheet")
        text = self.run("-n", "--summary", sets=sets, changed_by="names_in_cache").text
        lines = [line.split("\t") for line in text.splitlines() if line.startswith("shared\t")]
        return {(rule, batch.partition("-")[0]): name for _, rule, batch, name in lines}

    def files(self):
        """Return by rule which files in the cache the results are."""
        found = {}
        for rule, pattern in FILES.items():
            (path,) = self.sheet.folder.glob(pattern)
            assert path.is_symlink()
            found[rule] = path.resolve()
        return found

    def logs(self):
        """Return the rules whose jobs ran: each leaves a log."""
        folder = self.sheet.folder
        logs = [path for path in folder.glob("results/*/logs/**/*.log") if path.stat().st_size]
        return {path.relative_to(folder).parts[3] for path in logs}


def picture(seed):
    """Return a JPEG file of noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "jpeg")
    return file.getvalue()


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """Serve Mini-ImageNet; only the samples of its first class are pictures."""
    folder = tmp_path_factory.mktemp("hub")
    pictures = {f"{WNIDS[0]}_{row:03d}": picture(row) for row in range(SAMPLES)}
    write_split(folder, MINI_IMAGENET, "test", lambda image: pictures.get(image, b"none"))
    with serving_hub(folder, revision=MINI_IMAGENET.revision) as server:
        yield server


@pytest.fixture(scope="module")
def first(hub, repository, tmp_path_factory):
    """Return the user who computed what is shared."""
    user = User.of(tmp_path_factory.mktemp("users") / "first", hub, repository)
    user.share()
    return user


@pytest.fixture(scope="module")
def names(first):
    """Return under which names it is shared, and what another user would share."""
    return first.names()


def test_a_second_clone_computes_nothing_that_is_shared(first, names, hub):
    """Weights, samples, features and occlusion maps."""
    assert first.logs() == {*FILES, *OWN}
    hub.requests.clear()
    place = first.sheet.folder.parent
    second = User.of(place / "second", hub, copy_repository(place / "second clone"))
    second.share()
    assert second.logs() == OWN
    assert second.files() == first.files()
    assert hub.requests == []
    assert second.run("-n").jobs == {}
    # What is said to be the names are the names.
    said = {rule: name for (rule, batch), name in names.items() if batch != "sheet"}
    assert said == {rule: file.name[:64] for rule, file in first.files().items()}


def test_exchanged_files_and_other_code_are_never_taken(first, names, hub, repository):
    """Of each change just what depends on it has another name; nothing needs to be computed."""
    # The same two names, the same two files, but the other way round.
    exchanged = User.of(first.sheet.folder.parent / "exchanged", hub, repository, seeds=(2, 1))

    def after_edit(user, module):
        edit = (f"scripts/convscope/{module}", "\nimport ", "\nCHANGED = 1\nimport ")
        with user.sheet.project.edited(*edit):
            now = user.names()
        assert now.keys() == names.keys()
        return {key for key in names if now[key] != names[key]}

    features, maps = (
        {(rule, batch) for batch in ("samples", "sheet")}
        for rule in ("extract_features", "occlude")
    )
    peaks = after_edit(exchanged, "features/peaks.py")
    assert peaks == {*features, ("occlude", "sheet")}
    patches = after_edit(exchanged, "occlusion/winograd.py")
    assert patches == {*maps, ("extract_features", "sheet")}
    weights = after_edit(first, "networks/weights.py")
    assert weights == {("make_random_weights", ""), *features, *maps}
    # Samples depend on where they come from and on no code.
    assert ("fetch_mini_imagenet", "") in names

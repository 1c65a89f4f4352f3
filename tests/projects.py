"""A copy of the repository with a folder to run it in, and sample sheets made on the spot."""

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import ClassVar

import numpy as np
import yaml
from PIL import Image

from snakemake_runs import TINY, Outcome, merged, snakemake


@dataclass(frozen=True)
class Project:
    """A copy of the repository, and a folder in which it is run."""

    repository: Path
    directory: Path
    numbers: ClassVar = count()

    def run(self, *arguments, config=TINY, **keywords) -> Outcome:
        return snakemake(
            self.directory, *arguments, repository=self.repository, config=config, **keywords
        )

    def plan(self, *arguments, base=TINY, **changes) -> Outcome:
        """Return what a dry run says about ``base`` with changed keys."""
        config = self.write(merged(yaml.safe_load(base.read_text()), changes))
        outcome = self.run("-n", *arguments, config=config)
        assert outcome.status == 0, outcome.text
        return outcome

    def write(self, config) -> Path:
        path = self.directory / f"config-{next(self.numbers)}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(config))
        return path

    def pretend(self, config) -> None:
        """Make Snakemake believe that it has run: files stand in for all outputs."""
        summary = self.run("-n", "--summary", config=config).text
        for line in summary.split("output_file\t", 1)[1].splitlines()[1:]:
            path = self.directory / line.split("\t")[0]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(line)
        assert self.run("--touch", "--forceall", config=config).status == 0
        assert self.run("-n", config=config).nothing_to_do

    @contextmanager
    def edited(self, file, old, new):
        """Replace ``old`` by ``new`` in a file of the copy for the length of the block."""
        path = self.repository / file
        saved = path.with_name(f".{path.name}.saved")
        shutil.copy2(path, saved)
        text = path.read_text()
        assert old in text, f"{file} has no {old!r} any more"
        path.write_text(text.replace(old, new, 1))
        try:
            yield
        finally:
            saved.replace(path)


@dataclass(frozen=True)
class Sheet:
    """The sample sheet ``images.tsv`` in a project's folder, looked at by a random network."""

    folder: Path
    project: Project

    def draw(self, name, seed, folder=None):
        """Write ``name``.png, small, whose pixels follow from ``seed``."""
        path = (folder or self.folder) / f"{name}.png"
        bright = 60 + 18 * (seed % 11)
        pixels = np.random.default_rng(seed).integers(0, bright, (40, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        return path

    def rows(self, names, source="{name}.png", **cells):
        return [{"image": name, "source": source.format(name=name), **cells} for name in names]

    def write(self, rows, name="images.tsv"):
        """Write rows that share their keys."""
        lines = ["\t".join(rows[0]), *("\t".join(row.values()) for row in rows)]
        (self.folder / name).write_text("\n".join(lines) + "\n")

    def config(self, **changes):
        base = {
            **yaml.safe_load(TINY.read_text()),
            "experiment": "sheet",
            "networks": ["untrained"],
            "sample_sets": ["sheet"],
            "batch_size": 2,
            "variants": ["normal"],
        }
        return self.project.write(merged(base, changes))

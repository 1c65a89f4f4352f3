"""Run Snakemake as a user does, and read what it plans."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from dry_runs import dry_run

ROOT = Path(__file__).resolve().parents[1]
TINY = ROOT / "tests/workflow/tiny.yaml"
PARTS = ("Snakefile", "workflow", "scripts", "config", "envs")


@dataclass(frozen=True)
class Outcome:
    """How a call of Snakemake ended; ``text`` is what it said."""

    status: int
    text: str

    @property
    def rules(self) -> set[str]:
        """The rules with jobs in the plan, without the target rule."""
        table = re.search(r"^job +count\n[- ]+\n(.*?)^total", self.text, re.M | re.S)
        return {line.split()[0] for line in table[1].splitlines()} - {"all"} if table else set()

    @property
    def jobs(self) -> dict[str, int]:
        """The number of planned jobs of each rule."""
        table = re.search(r"^job +count\n[- ]+\n(.*?)^total", self.text, re.M | re.S)
        rows = [line.split() for line in table[1].splitlines()] if table else []
        return {name: int(count) for name, count in rows if name != "all"}

    @property
    def nothing_to_do(self) -> bool:
        """Whether everything was up to date."""
        return "Nothing to be done" in self.text


def snakemake(
    directory: Path,
    *arguments: str,
    repository: Path = ROOT,
    config: Path | None = TINY,
    cores: int = 2,
    environment: dict[str, str] | None = None,
    timeout: float = 600,
    changed_by: str | None = None,
) -> Outcome:
    """Call Snakemake in ``directory`` on the workflow of ``repository``.

    ``changed_by`` names a module beside this one that changes what Snakemake says in a dry run.
    """
    directory.mkdir(parents=True, exist_ok=True)
    overlay = ["--configfile", str(config)] if config else []
    # Keyword-like options first: some of Snakemake's take several values.
    arguments = (
        *("-s", str(repository / "Snakefile"), "--directory", str(directory)),
        *("--cores", str(cores), *overlay, *arguments),
    )
    variables = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    variables.pop("PYTHONPATH", None)
    if "-n" in arguments and environment is None:
        return Outcome(*dry_run(arguments, directory, variables, changed_by))
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**variables, **(environment or {})},
        cwd=directory,
        check=False,
    )
    return Outcome(done.returncode, done.stdout + done.stderr)


def copy_repository(target: Path) -> Path:
    """Copy what a run needs, with modification times, so that tests may edit it."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / part)
    return target


def overlay(path: Path, base: Path = TINY, **changes: object) -> Path:
    """Write a config like ``base`` with changed keys; dicts are merged."""
    config = yaml.safe_load(base.read_text())
    path.write_text(yaml.safe_dump(merged(config, changes)))
    return path


def merged(base: dict, changes: dict) -> dict:
    """Return ``base`` with ``changes`` laid over it."""
    result = dict(base)
    for key, value in changes.items():
        inner = result.get(key)
        if isinstance(value, dict) and isinstance(inner, dict):
            result[key] = merged(inner, value)
        else:
            result[key] = value
    return result


def result_hashes(directory: Path) -> dict[str, str]:
    """Return the sha256 of every result file; logs and benchmarks hold times and don't count."""
    from convscope.digests import file_sha256

    found = {}
    for path in sorted((directory / "results").rglob("*")):
        name = path.relative_to(directory).as_posix()
        if path.is_file() and "/logs/" not in name and "/benchmarks/" not in name:
            found[name] = file_sha256(path)
    return found

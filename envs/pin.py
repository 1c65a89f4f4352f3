"""Pin the environment: requirements.in -> requirements*.txt and environment.yaml.

The whole set of installed packages is pinned, except those that torch itself pins exactly for each
platform (CUDA libraries, triton): naming them here would break macOS and Windows.

    python envs/pin.py            writes the files from what is installed now
    python envs/pin.py --check    compares environment.yaml with requirements.txt
"""

import argparse
import re
import sys
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

FOLDER = Path(__file__).parent
PYTHON = "3.11"
PLATFORM_PREFIXES = ("nvidia-", "cuda-", "triton")
HEADER = "# Written by envs/pin.py from {source}; edit that file instead.\n"


def needed(names: list[str]) -> dict[str, str]:
    """Return name and version of the packages named and all that they need, as installed here."""
    found: dict[str, str] = {}
    waiting = list(names)
    while waiting:
        name = canonical(waiting.pop())
        if name in found or name.startswith(PLATFORM_PREFIXES):
            continue
        package = distribution(name)
        found[name] = package.version
        waiting += [
            re.split(r"[\s;<>=!~\[(]", requirement, maxsplit=1)[0]
            for requirement in package.requires or []
            if "extra ==" not in requirement and applies(requirement)
        ]
    return dict(sorted(found.items()))


def applies(requirement: str) -> bool:
    """Return whether a requirement's marker holds here."""
    marker = Requirement(requirement).marker
    return marker is None or marker.evaluate()


def canonical(name: str) -> str:
    """Return the canonical spelling of a package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def chosen(source: str) -> dict[str, str]:
    """Return the pins of a .in file."""
    lines = (FOLDER / source).read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def environment_text(pins: list[str]) -> str:
    """Return the conda file: Python and pip from conda, the same pins through pip."""
    head = HEADER.format(source="requirements.in")
    lines = "".join(f"      - {pin}\n" for pin in pins)
    return (
        f"{head}name: convscope\nchannels:\n  - conda-forge\n  - nodefaults\ndependencies:\n"
        f"  - python={PYTHON}\n  - pip\n  - pip:\n{lines}"
    )


def pins_of(text: str) -> list[str]:
    """Return the pins of a requirements file."""
    return [line for line in text.splitlines() if "==" in line and not line.startswith("#")]


def write() -> None:
    """Write all files from what is installed."""
    runtime = needed(list(chosen("requirements.in")))
    for name in ("requirements", "requirements-slurm", "requirements-test"):
        pins = needed([*chosen("requirements.in"), *chosen(f"{name}.in")])
        head = HEADER.format(source=f"{name}.in")
        if name != "requirements":
            head += "-r requirements.txt\n"
            pins = dict(pins.items() - runtime.items())
        lines = "".join(f"{package}=={version}\n" for package, version in sorted(pins.items()))
        (FOLDER / f"{name}.txt").write_text(head + lines)
    check_or_write(write_it=True)


def check_or_write(*, write_it: bool) -> bool:
    """Write environment.yaml, or return whether it agrees with requirements.txt."""
    text = environment_text(pins_of((FOLDER / "requirements.txt").read_text()))
    target = FOLDER / "environment.yaml"
    if write_it:
        target.write_text(text)
    return target.read_text() == text


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        sys.exit(0 if check_or_write(write_it=False) else "environment.yaml is out of date")
    write()

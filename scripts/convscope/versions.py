"""The installed versions that numbers depend on, read from package metadata without importing."""

from functools import cache
from importlib.metadata import version


def versions_of(*packages: str) -> dict[str, str]:
    """Return the installed version of each distribution, local tags included."""
    return {package: _version_of(package) for package in sorted(packages)}


@cache
def _version_of(package: str) -> str:
    return version(package)

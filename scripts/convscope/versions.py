"""The installed versions that numbers depend on, read from package metadata without importing."""

from importlib.metadata import version


def versions_of(*packages: str) -> dict[str, str]:
    """Return the installed version of each distribution, local tags included."""
    return {package: version(package) for package in sorted(packages)}

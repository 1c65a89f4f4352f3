"""Read YAML as plain data, by the C parser: every start of Snakemake waits for it."""

from pathlib import Path
from typing import Any

import yaml

# The same subset of YAML; PyYAML builds without libyaml have only the slow one.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> Any:
    """Return what a YAML file says, as plain data."""
    return yaml.load(path.read_bytes(), Loader=LOADER)  # noqa: S506 - a safe loader, above

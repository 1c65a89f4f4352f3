"""Which tests share a worker when several run at a time (``pytest -n 2 --dist loadgroup``)."""

import os
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before torch is imported: threads of two workers on two cores wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

TESTS = Path(__file__).parent


def pytest_collection_modifyitems(items):
    """Keep a file's tests together, and those of the workflow, which share finished runs."""
    for item in items:
        parts = Path(item.path).relative_to(TESTS).parts
        group = parts[0] if parts[0] in ("workflow", "slurm") else "/".join(parts)
        item.add_marker(pytest.mark.xdist_group(group))

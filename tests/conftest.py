"""How tests share out over workers when several run at a time (``pytest -n 2``)."""

import os
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before torch is imported: threads of two workers on two cores wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

pytest_plugins = ("finished_runs",)
TESTS = Path(__file__).parent
SHARING = ("workflow", "faults")
"""Folders whose tests share what is expensive: finished runs."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give a worker all tests of a file, and all of the folders that share what is expensive.

    The groups of xdist 3.8 (``--dist loadgroup``) are without effect under pytest 9.2
    (https://github.com/pytest-dev/pytest-xdist/issues/1386).
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            path = config.rootpath / nodeid.partition("::")[0]
            first, *rest = path.relative_to(TESTS).parts
            return SHARING[0] if first in SHARING else "/".join((first, *rest))

    # In the order of collection, not by number of tests: the few long ones of networks and runs are
    # then no worker's last, while the other has nothing left.
    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.fixture
def no_proxy(monkeypatch):
    """Ask local servers directly, whatever proxy the user has."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)

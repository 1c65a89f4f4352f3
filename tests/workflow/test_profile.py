"""The cluster profile: it knows the rules, and the rules know nothing of clusters."""

import importlib.util
import re
import shutil

import pytest
import yaml

from slurm_profile import PROFILE, with_a_groups_cache
from snakemake_runs import ROOT

RULES = {
    part.partition(":")[0]: part
    for path in sorted((ROOT / "workflow/rules").glob("*.smk"))
    for part in path.read_text().split("\nrule ")[1:]
}


@pytest.fixture(scope="module")
def profile():
    return yaml.safe_load((PROFILE / "config.yaml").read_text())


def test_rules_know_no_memory_time_account_or_partition():
    words = r"mem_mb|mem=|runtime|slurm|account|partition|gpu_model|retries"
    assert [name for name, text in RULES.items() if re.search(words, text)] == []


def test_the_profile_speaks_of_all_rules_with_a_gpu_and_of_no_others(profile):
    needing_a_gpu = {name for name, text in RULES.items() if "gpu=1" in text}
    assert profile["set-resources"].keys() <= RULES.keys()
    assert needing_a_gpu <= profile["set-resources"].keys()
    assert all("attempt" in text for text in profile["default-resources"].values())
    for resources in profile["set-resources"].values():
        assert all("attempt" in text for text in resources.values())


def test_a_groups_cache_is_of_all_rules_that_share_results(profile):
    """By name: a bare ``--cache`` does not reach the jobs."""
    sharing = {name for name, text in RULES.items() if "\n    cache: True\n" in text}
    assert set(with_a_groups_cache()["cache"]) == sharing
    assert "cache" not in profile


def test_no_rule_has_a_job_for_each_image():
    assert [name for name, text in RULES.items() if "{image" in text.split("params:")[0]] == []


def test_the_faults_that_the_page_tells_are_those_of_the_version_that_is_pinned():
    pinned = re.search(
        r"^snakemake-executor-plugin-slurm==(.+)$",
        (ROOT / "envs/requirements-slurm.in").read_text(),
        re.M,
    )
    page = (PROFILE.parent / "README.md").read_text()
    assert f"## What version {pinned[1]} of the plugin gets wrong" in page


def test_the_faults_of_the_plugin_are_gone_around(profile):
    """As workflow/profiles/README.md says; tests/slurm shows that it helps."""
    assert profile["slurm-status-command"] == "squeue"
    assert profile["slurm-no-requeue"] is True
    assert profile["slurm-status-attempts"] / profile["max-status-checks-per-second"] >= 3600
    assert profile["retries"] == 2
    assert "slurm-array-jobs" not in profile


@pytest.mark.skipif(
    importlib.util.find_spec("snakemake_executor_plugin_slurm") is None,
    reason="snakemake-executor-plugin-slurm is not installed",
)
def test_the_plan_is_printed_without_slurm(project, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "sh", "which"):
        (programs / name).symlink_to(shutil.which(name))
    outcome = project.run(
        "-n", "--workflow-profile", str(PROFILE), environment={"PATH": str(programs)}
    )
    assert outcome.status == 0, outcome.text
    assert outcome.jobs["extract_features"] == 2
    jobs = re.findall(
        r"^rule extract_features:.*?^    resources: (.*?)$", outcome.text, re.M | re.S
    )
    for resources in jobs:
        given = dict(part.split("=", 1) for part in resources.split(", "))
        assert given["gpu"] == "1"
        assert (given["mem_mb"], given["runtime"]) == ("8000", "240")

"""The cluster profile: it knows the rules, and the rules know nothing of clusters."""

import importlib.util
import re
import shutil
from types import SimpleNamespace

import pytest
import yaml

from slurm_profile import PROFILE, with_a_groups_cache
from snakemake_runs import ROOT

RULES = {
    part.partition(":")[0]: part
    for path in sorted((ROOT / "workflow/rules").glob("*.smk"))
    for part in path.read_text().split("\nrule ")[1:]
}


needs_the_plugin = pytest.mark.skipif(
    importlib.util.find_spec("snakemake_executor_plugin_slurm") is None,
    reason="snakemake-executor-plugin-slurm is not installed",
)


@pytest.fixture(scope="module")
def profile():
    return yaml.safe_load((PROFILE / "config.yaml").read_text())


@pytest.fixture
def programs(tmp_path):
    """Return a folder with what a machine without SLURM has of the programs that are asked for."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("bash", "sh", "which"):
        (folder / name).symlink_to(shutil.which(name))
    return folder


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


def test_downloads_and_nothing_else_stay_on_the_login_node():
    local = {name for name, text in RULES.items() if "\n    localrule: True\n" in text}
    assert local == {name for name in RULES if name.startswith("fetch_")}


def test_users_find_what_to_edit_where_logs_are_and_how_to_size_jobs(profile):
    text = (PROFILE / "config.yaml").read_text()
    places = re.findall(r"^ *# ([1-9])\. ", text, re.M)
    assert places == ["1", "2", "3"]
    for key in ("slurm_account", "slurm_partition", "gpu_model"):
        assert re.search(rf"^ *# {key}: ", text, re.M)
    assert profile["latency-wait"] >= 60
    assert profile["slurm-efficiency-report"] is True
    assert profile["slurm-logdir"] == ".snakemake/slurm_logs"
    page = (PROFILE.parent / "README.md").read_text()
    topics = ("Jobs", "Memory", "Time", "GPU models", "Job groups", "Job arrays", "HDF5 locking")
    assert [topic for topic in topics if f"**{topic}" not in page] == []
    assert "Compute nodes without a network" in page
    assert "## All of ImageNet" in page


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


@needs_the_plugin
def test_models_of_gpus_are_asked_for_by_names_without_hyphens(programs, monkeypatch):
    monkeypatch.setenv("PATH", str(programs))
    from snakemake.exceptions import WorkflowError
    from snakemake_executor_plugin_slurm.utils import set_gres_string

    def asked(model):
        return set_gres_string(SimpleNamespace(resources={"gpu": 1, "gpu_model": model}))

    assert asked("a100") == " --gpus=a100:1"
    with pytest.raises(WorkflowError, match="Invalid GPU model format"):
        asked("a100-80gb")


@needs_the_plugin
def test_the_plan_is_printed_without_slurm(project, programs):
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

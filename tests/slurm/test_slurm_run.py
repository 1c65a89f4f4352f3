"""The workflow on a cluster: GPU jobs in turn on the one GPU, and a login node that goes down."""

import pytest
import yaml

from projects import Project
from snakemake_runs import TINY, copy_repository, result_hashes

CPU_RULES = ("draw_scenes", "prepare_images", "check_network", "tabulate_predictions")
PINNED = ("--set-threads", "extract_features=1")


@pytest.fixture
def local(cluster, tmp_path):
    """Return the same run on this machine."""
    copy = copy_repository(tmp_path / "the répository")
    project = Project(copy, tmp_path / "local")
    content = {**yaml.safe_load(TINY.read_text()), "methods": []}
    config = project.write(content)
    outcome = project.run(*PINNED, config=config)
    assert outcome.status == 0, outcome.text
    return project, config


def interval(job):
    return job["StartTime"], job["EndTime"]


def test_a_killed_run_goes_on_and_gives_the_results_of_a_local_one(cluster, start, local, tmp_path):
    project, config = local
    arguments = ["--snakefile", str(project.repository / "Snakefile")]
    arguments += ["--configfile", str(config), *PINNED]
    killed = start(tmp_path / "run", *arguments)
    killed.wait_for(lambda: "rule extract_features:" in killed.text)
    killed.wait_for(lambda: killed.jobs("extract_features"))
    killed.kill()
    cluster.call("scancel", "--name", killed.name)
    cluster.wait(lambda: not cluster.call("squeue", "--noheader"))
    done = {rule: killed.jobs(rule) for rule in ("train_reference", *CPU_RULES[:3])}
    assert {rule: len(jobs) for rule, jobs in done.items()} == {
        "train_reference": 1,
        "draw_scenes": 2,
        "prepare_images": 2,
        "check_network": 1,
    }
    refused = start(tmp_path / "run", *arguments)
    assert refused.end() == 1
    assert "LockException" in refused.text
    assert start(tmp_path / "run", *arguments, "--unlock").end() == 0
    again = start(tmp_path / "run", *arguments)
    assert again.end() == 0, again.text
    assert result_hashes(tmp_path / "run") == result_hashes(project.directory)
    assert not any(again.jobs(rule) for rule in done)
    gpu = [*done["train_reference"], *again.jobs("extract_features")]
    assert len(gpu) == 3
    assert {job["TresPerJob"] for job in gpu} == {"gres:gpu:1"}
    assert {job["NodeList"] for job in gpu} == {"gpu1"}
    (_, first_end), (second_start, _) = sorted(map(interval, again.jobs("extract_features")))
    assert first_end <= second_start
    cpu = [job for rule in CPU_RULES for job in (*killed.jobs(rule), *again.jobs(rule))]
    assert len(cpu) == 6
    assert not any("TresPerJob" in job for job in cpu)

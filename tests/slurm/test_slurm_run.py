"""The workflow on a cluster: GPU jobs in turn on the one GPU, and all that may go wrong there."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from projects import Project
from snakemake_runs import TINY, copy_repository, result_hashes

CPU_RULES = ("draw_scenes", "prepare_images", "check_network", "tabulate_predictions")
PINNED = ("--set-threads", "extract_features=1")


@pytest.fixture
def local(cluster, tmp_path):
    """Return a project and its config, and its outcome on this machine, which is awaited."""
    copy = copy_repository(tmp_path / "the répository")
    project = Project(copy, tmp_path / "local")
    config = project.write({**yaml.safe_load(TINY.read_text()), "methods": []})
    with ThreadPoolExecutor() as background:
        yield project, config, background.submit(project.run, *PINNED, config=config)


def states(run, rule):
    return sorted(job["JobState"] for job in run.jobs(rule))


def interval(job):
    return job["StartTime"], job["EndTime"]


def hurt(cluster, run):
    """Lose the node on which scenes are drawn, cancel the training, and kill the head process."""
    run.wait_for(lambda: "RUNNING" in states(run, "draw_scenes"))
    cluster.lose_node("cpu1")
    run.wait_for(lambda: list(run.directory.glob("results/shared/logs/train_reference/*.log")))
    cluster.call("scancel", run.jobs("train_reference")[0]["JobId"])
    run.wait_for(lambda: "NODE_FAIL" in states(run, "draw_scenes"))
    cluster.start_node("cpu1")
    run.wait_for(lambda: "RUNNING" in states(run, "extract_features"))
    run.kill()
    cluster.call("scancel", "--name", run.name)
    cluster.wait(lambda: not cluster.call("squeue", "--noheader"))


def test_a_hurt_and_killed_run_goes_on_and_gives_the_results_of_a_local_one(
    cluster, start, local, tmp_path
):
    project, config, locally = local
    arguments = ["--snakefile", str(project.repository / "Snakefile")]
    arguments += ["--configfile", str(config), *PINNED]
    killed = start(tmp_path / "run", *arguments)
    hurt(cluster, killed)
    assert states(killed, "train_reference") == ["CANCELLED", "COMPLETED"]
    assert "NODE_FAIL" in states(killed, "draw_scenes")
    done = {"train_reference": 1, "draw_scenes": 2, "prepare_images": 2, "check_network": 1}
    assert {rule: states(killed, rule).count("COMPLETED") for rule in done} == done
    refused = start(tmp_path / "run", *arguments)
    assert refused.end() == 1
    assert "LockException" in refused.text
    assert start(tmp_path / "run", *arguments, "--unlock").end() == 0
    again = start(tmp_path / "run", *arguments)
    assert again.end() == 0, again.text
    assert locally.result().status == 0, locally.result().text
    assert result_hashes(tmp_path / "run") == result_hashes(project.directory)
    # What was finished is not done twice.
    assert not any(again.jobs(rule) for rule in done)
    extracted = again.jobs("extract_features")
    assert states(again, "extract_features") == ["COMPLETED"] * 2
    gpu = [*killed.jobs("train_reference"), *extracted]
    assert {job["TresPerJob"] for job in gpu} == {"gres:gpu:1"}
    assert {job["NodeList"] for job in gpu} == {"gpu1"}
    (_, first_end), (second_start, _) = sorted(map(interval, extracted))
    assert first_end <= second_start
    cpu = [job for rule in CPU_RULES for run in (killed, again) for job in run.jobs(rule)]
    assert len(cpu) >= 7
    assert not any("TresPerJob" in job for job in cpu)

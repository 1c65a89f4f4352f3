"""The workflow on a cluster: GPU jobs in turn on the one GPU, and all that may go wrong there."""

from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import yaml

from projects import Project
from slurm_profile import with_a_groups_cache
from snakemake_runs import TINY, copy_repository, result_hashes

CPU_RULES = (
    *("draw_scenes", "prepare_images", "check_network"),
    *("tabulate_predictions", "build_report"),
)
PINNED = ("--set-threads", "extract_features=1")


@pytest.fixture
def local(cluster, tmp_path):
    """Return a project and its config, and its outcome on this machine, which is awaited."""
    project = Project(copy_repository(tmp_path / "the répository"), tmp_path / "local")
    config = project.write({**yaml.safe_load(TINY.read_text()), "methods": []})
    keywords = {"config": config, "environment": cluster.environment}
    with ThreadPoolExecutor() as background:
        yield project, config, background.submit(project.run, *PINNED, **keywords)


@pytest.fixture
def profile(tmp_path, cluster, monkeypatch):
    """Return the profile with a cache, and too little memory for first attempts at one rule."""
    settings = with_a_groups_cache()
    settings["set-resources"]["prepare_images"] = {"mem_mb": "150 if attempt == 1 else 3000"}
    folder = tmp_path / "profile"
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    (tmp_path / "cache").mkdir()
    monkeypatch.setitem(cluster.environment, "SNAKEMAKE_OUTPUT_CACHE", str(tmp_path / "cache"))
    return folder


def states(run, rule):
    return sorted(job["JobState"] for job in run.jobs(rule))


def interval(job):
    return job["StartTime"], job["EndTime"]


def suspend(run, script):
    """Stop the process of a job of this run, as soon as it has begun to log."""
    run.wait_for(lambda: list(run.directory.glob(f"results/*/logs/{script}/*.log")))
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
            mine = line[1:] and line[1].endswith(f".{script}.py")
            if mine and process.cwd() == str(run.directory):
                process.suspend()
                return
        except psutil.Error:
            continue
    pytest.fail(f"{script} has no process:\n{run.text}")


def hurt(cluster, run):
    """Lose a node, let a job run out of time, cancel one, and at last kill the head process."""
    run.wait_for(lambda: states(run, "draw_scenes") == ["RUNNING"] * 2)
    cluster.lose_node("cpu1")
    suspend(run, "train_reference")
    (training,) = run.jobs("train_reference")
    cluster.call("scontrol", "update", f"JobId={training['JobId']}", "EndTime=now", check=True)
    run.wait_for(lambda: states(run, "draw_scenes")[:2] == ["NODE_FAIL"] * 2)
    cluster.start_node("cpu1")
    run.wait_for(lambda: "RUNNING" in states(run, "draw_scenes"))
    drawing = [job for job in run.jobs("draw_scenes") if job["JobState"] == "RUNNING"]
    cluster.call("scancel", drawing[0]["JobId"])
    run.wait_for(lambda: states(run, "prepare_images").count("COMPLETED") == 2)
    run.wait_for(lambda: "RUNNING" in states(run, "extract_features"))
    run.kill()
    cluster.call("scancel", "--name", run.name)
    cluster.wait(lambda: not cluster.call("squeue", "--noheader"))


def test_a_hurt_and_killed_run_goes_on_and_gives_the_results_of_a_local_one(
    cluster, start, local, profile, tmp_path
):
    project, config, locally = local
    arguments = ["--snakefile", str(project.repository / "Snakefile")]
    arguments += ["--configfile", str(config), *PINNED]
    killed = start(tmp_path / "run", *arguments, profile=profile)
    hurt(cluster, killed)
    assert states(killed, "train_reference") == ["COMPLETED", "TIMEOUT"]
    assert states(killed, "draw_scenes") == [
        *("CANCELLED", "COMPLETED", "COMPLETED", "NODE_FAIL", "NODE_FAIL")
    ]
    assert states(killed, "prepare_images") == ["COMPLETED"] * 2 + ["FAILED"] * 2
    assert states(killed, "check_network") == ["COMPLETED"]
    # Somebody else of the group trains the same network: its job takes it from the cache.
    until = ("--until", "train_reference")
    other = start(tmp_path / "other", *arguments, *until, profile=profile)
    assert start(tmp_path / "run", *arguments, "--unlock").end() == 0
    again = start(tmp_path / "run", *arguments, profile=profile)
    assert again.end() == 0, again.text
    assert locally.result().status == 0, locally.result().text
    assert result_hashes(tmp_path / "run") == result_hashes(project.directory)
    # What was finished is not done twice.
    finished = ("train_reference", "draw_scenes", "prepare_images", "check_network")
    assert not any(again.jobs(rule) for rule in finished)
    extracted = again.jobs("extract_features")
    assert states(again, "extract_features") == ["COMPLETED"] * 2
    gpu = [*killed.jobs("train_reference"), *killed.jobs("extract_features"), *extracted]
    assert {job["TresPerJob"] for job in gpu} == {"gres:gpu:1"}
    assert {job["NodeList"] for job in extracted} == {"gpu1"}
    (_, first_end), (second_start, _) = sorted(map(interval, extracted))
    assert first_end <= second_start
    cpu = [job for rule in CPU_RULES for run in (killed, again) for job in run.jobs(rule)]
    assert len(cpu) >= 12
    assert not any("TresPerJob" in job for job in cpu)
    assert other.end() == 0, other.text
    assert states(other, "train_reference") == ["COMPLETED"]
    (weights,) = (tmp_path / "other").glob("results/shared/weights/trained/*/weights.safetensors")
    assert weights.resolve().parent == tmp_path / "cache"
    logs = (tmp_path / "other").glob("results/shared/logs/train_reference/*.log")
    assert [log.read_text() for log in logs] == [""]

"""What happens to jobs on a cluster, all in one run: nothing is lost, nothing is done twice."""

from pathlib import Path

SNAKEFILE = Path(__file__).with_name("faults.smk")
RULES = {
    "cancelled": ["CANCELLED", "COMPLETED"],
    "hungry": ["FAILED", "COMPLETED"],
    "lost": ["NODE_FAIL", "COMPLETED"],
    "slow": ["TIMEOUT", "COMPLETED"],
    "failing": ["FAILED"] * 3,
}


def states(run, rule):
    return [job["JobState"] for job in run.jobs(rule)]


def test_jobs_that_are_cancelled_killed_or_lost_are_tried_again(cluster, start, tmp_path):
    run = start(tmp_path / "run", "--snakefile", str(SNAKEFILE))
    folder = run.directory
    first = [folder / f"{job}.1" for job in ("cancelled", "hungry", "lost", "slow")]
    run.wait_for(lambda: all(file.exists() for file in first))
    cluster.call("scancel", run.jobs("cancelled")[0]["JobId"])
    for rule in ("cancelled", "hungry", "failing"):
        run.wait_for(lambda rule=rule: states(run, rule) == RULES[rule])
    # The controller is away for longer than the plugin's own five attempts would last.
    cluster.end("slurmctld")
    cluster.wait(lambda: False, may_fail=True, patience=40)
    cluster.start_controller()
    assert run.process.poll() is None
    assert [job["NodeList"] for job in run.jobs("lost")] == ["cpu1"]
    cluster.lose_node("cpu1")
    run.wait_for((folder / "lost.txt").exists)
    cluster.start_node("cpu1")
    assert run.end() == 1
    assert {path.name for path in folder.glob("*.txt")} == {
        *("cancelled.txt", "hungry.txt", "lost.txt", "slow.txt")
    }
    assert {rule: states(run, rule) for rule in RULES} == RULES
    # Twice more, and not again within each of these.
    assert (folder / "tries").read_text().split() == ["once"] * 3
    assert all(job["Requeue"] == "0" for rule in RULES for job in run.jobs(rule))
    assert "SLURM status is: 'CANCELLED'" in run.text
    assert "SLURM status is: 'TIMEOUT'" in run.text

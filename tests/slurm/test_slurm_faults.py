"""What happens to jobs on a cluster, all in one run: nothing is lost, nothing is done twice."""

from pathlib import Path

from snakemake_runs import snakemake

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


def written(folder):
    return {path.name: path.read_text() for path in folder.glob("*.txt")}


def test_jobs_that_are_cancelled_killed_or_lost_are_tried_again(cluster, start, tmp_path):
    run = start(tmp_path / "run", "--snakefile", str(SNAKEFILE))
    folder = run.directory
    run.wait_for(
        lambda: all((folder / f"{job}.1").exists() for job in ("cancelled", "lost", "slow"))
    )
    # The plugin's own five attempts last fifteen seconds and would lose all jobs.
    cluster.end("slurmctld")
    cluster.wait(lambda: False, may_fail=True, patience=30)
    cluster.start_controller()
    assert run.process.poll() is None
    assert [job["NodeList"] for job in run.jobs("lost")] == ["cpu1"]
    cluster.call("scancel", run.jobs("cancelled")[0]["JobId"])
    cluster.lose_node("cpu1")
    # Meanwhile on this machine: as if each were at its second attempt.
    alone = snakemake(
        tmp_path / "alone",
        *("--snakefile", str(SNAKEFILE), "--attempt", "2", "--keep-going"),
        config=None,
        environment=cluster.environment,
    )
    assert run.end() == 1
    cluster.start_node("cpu1")
    assert {rule: states(run, rule) for rule in RULES} == RULES
    assert written(folder) == written(tmp_path / "alone"), alone.text
    assert len(written(folder)) == 4
    # Twice more, and not again within each of these.
    assert (folder / "tries").read_text().split() == ["once"] * 3
    assert all(job["Requeue"] == "0" for rule in RULES for job in run.jobs(rule))
    assert "SLURM status is: 'CANCELLED'" in run.text
    assert "SLURM status is: 'TIMEOUT'" in run.text

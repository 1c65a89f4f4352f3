"""Change Snakemake's ``--summary`` to the names under which the cache has each job's results."""

from snakemake.caching.hash import ProvenanceHashMap
from snakemake.dag import DAG


async def names(dag, detailed=False):
    """Yield rule, batch and name of every job that shares its results; no job needs to run."""
    found = ProvenanceHashMap()
    for job in dag.jobs:
        if job.rule.cache.output:
            batch = job.wildcards.get("batch", "")
            yield f"shared\t{job.rule.name}\t{batch}\t{await found.get_provenance_hash(job)}"


DAG.summary = names

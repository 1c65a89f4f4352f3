"""Snakemake whose SLURM plugin looks at its jobs every second: it starts at 40 and goes to 180."""

import snakemake_executor_plugin_slurm
from snakemake.cli import main

snakemake_executor_plugin_slurm.Executor.next_seconds_between_status_checks = property(
    lambda self: 1, lambda self, value: None
)
main()

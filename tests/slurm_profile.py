"""The cluster profile as tests change it."""

import re
from typing import Any

import yaml

from snakemake_runs import ROOT

PROFILE = ROOT / "workflow/profiles/slurm"


def with_a_groups_cache() -> dict[str, Any]:
    """Return the profile's settings with the entry ``cache`` uncommented."""
    text = (PROFILE / "config.yaml").read_text()
    uncommented, found = re.subn(r"^# (cache: .*,\n)# ( .*\])$", r"\1\2", text, flags=re.M)
    assert found == 1
    return yaml.safe_load(uncommented)

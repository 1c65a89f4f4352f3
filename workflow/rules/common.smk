"""The plan of the run, and the little that rules share.

Reads: the configuration, sample sheets, the table of architectures. Computes nothing, fetches
nothing, imports no torch.
"""

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

REPOSITORY = Path(workflow.basedir)
SCRIPTS = REPOSITORY / "scripts"
if str(SCRIPTS) not in sys.path:
    sys.path.insert(0, str(SCRIPTS))

from convscope.errors import UserError
from convscope.planning.environment import use_repository
from convscope.planning.paths import SHARED
from convscope.planning.plan import make_plan
from convscope.planning.rows import tell_sheets
from convscope.planning.settings import Settings

try:
    use_repository(SCRIPTS)
    PLAN = make_plan(config, workflow.overwrite_configfiles, REPOSITORY)
    SETTINGS = Settings(PLAN)
    tell_sheets(PLAN)
except UserError as error:
    raise WorkflowError(str(error)) from None


def by_content(*paths):
    """Ignore the times of files that the user gave: what they hold is in the params."""
    return [ancient(path) if path in SETTINGS.own_files else path for path in paths]


wildcard_constraints:
    network="|".join(PLAN.networks),
    batch="[a-z0-9_]+-[0-9a-f]{12}",
    class_index="[0-9]+",
    occluder="[A-Za-z0-9][A-Za-z0-9_-]*",
    preprocessing="[0-9a-f]{12}",
    weights_digest="[0-9a-f]{16}",
    group_digest="[0-9a-f]{16}",
    split="train|validation|test",
    revision="[0-9a-f]{40}",
    row_group="[0-9]+",

"""Which row of a sample sheet names a URL: for messages only, so it is in no job's params."""

import json
import os
from functools import cache
from pathlib import Path

from convscope.errors import UserError
from convscope.planning.plan import Plan
from convscope.planning.sheet import read_sheet

SHEETS = "CONVSCOPE_SHEETS"
"""The environment variable by which the jobs of a run learn of its sheets.

A row's number must not be a param: it changes when rows are moved, and then nothing is to be
fetched or prepared again.
"""


def tell_sheets(plan: Plan) -> None:
    """Tell the jobs that this process starts which sample sheets the run has."""
    sheets = [s.sheet for s in plan.sample_sets.values() if s.sheet is not None]
    facts = {
        "sheets": list(map(str, sheets)),
        "schema": str(plan.repository / "workflow/schemas/images.schema.yaml"),
        "base_urls": plan.config["base_urls"],
    }
    os.environ[SHEETS] = json.dumps(facts)


def rows_of(url: str) -> str:
    """Return the first row that names a URL (``images.tsv, row 3``), or an empty text."""
    return _rows(os.environ.get(SHEETS, "")).get(url, "")


@cache
def _rows(text: str) -> dict[str, str]:
    if not text:
        return {}
    facts = json.loads(text)
    rows: dict[str, str] = {}
    try:
        for sheet in facts["sheets"]:
            for row in read_sheet(Path(sheet), Path(facts["schema"]), facts["base_urls"]):
                rows.setdefault(row.source, f"{sheet}, row {row.number}")
    except UserError:
        # The sheet has changed since the run was planned: the URL alone must do.
        return {}
    return rows

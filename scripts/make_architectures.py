"""Write or check workflow/architectures, the table of torchvision's networks.

Run it after changing the pinned torchvision: ``python scripts/make_architectures.py``. With
``--check`` nothing is written and the status is 1 if the table is not that of the installed
torchvision.
"""

import argparse
import sys
from pathlib import Path

from convscope.networks.table import compare_table, write_table

TABLE = Path(__file__).resolve().parents[1] / "workflow" / "architectures"


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="only say which files differ")
    parser.add_argument("--directory", type=Path, default=TABLE, help="where the table lies")
    options = parser.parse_args()
    if options.check:
        differing = compare_table(options.directory)
        for name in differing:
            sys.stdout.write(f"differs: {name}\n")
        return 1 if differing else 0
    for name in write_table(options.directory):
        sys.stdout.write(f"changed: {name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

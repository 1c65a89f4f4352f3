"""Fetch those images of a group that are not there yet, and list the group in a manifest."""

from convscope.fetching.arguments import fetch_parser, patience_of
from convscope.fetching.groups import Address, fetch_group
from convscope.jobs import running
from convscope.planning.rows import rows_of


def main() -> None:
    """Read the command line and fetch the files."""
    parser = fetch_parser(__doc__)
    parser.add_argument(
        "--image",
        required=True,
        action="append",
        nargs=2,
        metavar=("URL", "SHA256"),
        help="address and expected digest (empty if unknown) of an image; may be repeated",
    )
    parser.add_argument("--at-once", type=int, default=1, help="most transfers at a time")
    parser.add_argument("--manifest", required=True, help="TSV file to write")
    arguments = parser.parse_args()
    with running(__file__, arguments.log):
        fetch_group(
            [Address(url, sha256 or None) for url, sha256 in arguments.image],
            arguments.manifest,
            at_once=arguments.at_once,
            patience=patience_of(arguments),
            describe=rows_of,
        )


if __name__ == "__main__":
    main()

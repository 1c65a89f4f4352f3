"""Fetch one image file over HTTP, checked against its sha256 where one is given."""

from convscope.fetching.arguments import fetch_parser, patience_of
from convscope.fetching.downloads import fetch_image
from convscope.jobs import running


def main() -> None:
    """Read the command line and fetch the file."""
    parser = fetch_parser(__doc__)
    parser.add_argument("--url", required=True, help="http or https address")
    parser.add_argument("--sha256", default="", help="expected digest; empty if unknown")
    parser.add_argument("--output", required=True, help="file to write")
    arguments = parser.parse_args()
    with running(__file__, arguments.log):
        fetch_image(
            arguments.url,
            arguments.output,
            sha256=arguments.sha256,
            patience=patience_of(arguments),
        )


if __name__ == "__main__":
    main()

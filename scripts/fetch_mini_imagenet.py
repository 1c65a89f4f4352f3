"""Fetch the images of one row group of Mini-ImageNet into a container with a manifest."""

from convscope.fetching.arguments import fetch_parser, patience_of
from convscope.fetching.mini_imagenet import fetch_row_group
from convscope.jobs import running


def main() -> None:
    """Read the command line and fetch the row group."""
    parser = fetch_parser(__doc__)
    parser.add_argument("--endpoint", required=True, help="base address of the hub or a mirror")
    parser.add_argument("--repository", required=True, help="OWNER/NAME of the dataset")
    parser.add_argument("--revision", required=True, help="commit")
    parser.add_argument("--split", required=True, help="train, validation or test")
    parser.add_argument("--row-group", required=True, type=int, help="number within the split")
    parser.add_argument("--container", required=True, help="ZIP file to write")
    parser.add_argument("--manifest", required=True, help="TSV file to write")
    arguments = parser.parse_args()
    with running(__file__, arguments.log):
        fetch_row_group(
            endpoint=arguments.endpoint,
            repository=arguments.repository,
            revision=arguments.revision,
            split=arguments.split,
            row_group=arguments.row_group,
            container=arguments.container,
            manifest=arguments.manifest,
            patience=patience_of(arguments),
        )


if __name__ == "__main__":
    main()

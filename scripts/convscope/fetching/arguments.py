"""Command-line arguments that the fetch scripts share; empty text means not given."""

import argparse

from convscope.fetching.patience import Patience


def fetch_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with ``--log`` and the limits of a download."""
    usual = Patience()
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
    parser.add_argument("--log", required=True, help="log file")
    parser.add_argument(
        "--connect-timeout",
        type=float,
        default=usual.connect_timeout,
        help="seconds for the name look-up and for each connection (default %(default)s)",
    )
    parser.add_argument(
        "--read-timeout",
        type=float,
        default=usual.read_timeout,
        help="longest silence of the server in seconds (default %(default)s)",
    )
    parser.add_argument(
        "--attempts", type=int, default=usual.attempts, help="tries in all (default %(default)s)"
    )
    return parser


def patience_of(arguments: argparse.Namespace) -> Patience:
    """Return the limits given to ``fetch_parser``'s arguments."""
    return Patience(
        connect_timeout=arguments.connect_timeout,
        read_timeout=arguments.read_timeout,
        attempts=max(1, arguments.attempts),
    )

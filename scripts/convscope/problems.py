"""Several mistakes of one kind in one message."""

from collections.abc import Sequence

from convscope.errors import UserError

LISTED = 10


def together(problems: Sequence[UserError], total: int, what: str, where: str) -> UserError:
    """Return one error for several: the only one as it is, or a list of the first ten.

    Parameters
    ----------
    problems
        At least one.
    total
        How many things were looked at.
    what
        What they are and what is wrong: ``"images can't be used"``.
    where
        Where they stand.
    """
    if len(problems) == 1:
        return problems[0]
    lines = [f"- {error}" for error in problems[:LISTED]]
    if len(problems) > LISTED:
        lines.append(f"- and {len(problems) - LISTED} more")
    return UserError(
        f"{len(problems)} of {total} {what}",
        where=where,
        remedy="\n".join(["Mend each of these:", *lines]),
    )

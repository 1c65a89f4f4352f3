"""Name the place in the user's files that a mistake found further down comes from."""

from collections.abc import Iterator
from contextlib import contextmanager

from convscope.errors import UserError


@contextmanager
def at_place(where: str) -> Iterator[None]:
    """Put the file, row or config key in front of the place that an error of the block names.

    Parameters
    ----------
    where
        What the user wrote: ``config key variants``, ``images.tsv, row 3``.

    Raises
    ------
    UserError
        The block's own, with the longer place.
    """
    try:
        yield
    except UserError as error:
        place = f"{where}, {error.where}"
        raise UserError(error.what, where=place, remedy=error.remedy) from None

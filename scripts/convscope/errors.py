"""The error for everything that a user can mend: it says what is wrong, where, and what to do."""


class UserError(Exception):
    """A mistake in what the user gave, shown as one message without a traceback.

    Parameters
    ----------
    what
        What is wrong, in words that name the value.
    where
        The file, row, key or layer where it stands.
    remedy
        What to do about it.
    """

    def __init__(self, what: str, *, where: str, remedy: str) -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(f"{where}: {what.rstrip('.')}. {remedy}")

    def __reduce__(self) -> tuple:
        """Pickle by keywords, so that the error crosses process borders."""
        return (_rebuild, (self.what, self.where, self.remedy))


def _rebuild(what: str, where: str, remedy: str) -> UserError:
    return UserError(what, where=where, remedy=remedy)

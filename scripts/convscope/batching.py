"""Batches that fit the memory: one that does not is halved and tried again; needs no torch."""

import gc
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from convscope.errors import UserError

LOGGER = logging.getLogger(__name__)
# What torch and its libraries say, beside their own class for CUDA, when an allocation fails.
SAID = (
    "can't allocate memory",
    "not enough memory",
    "cuda out of memory",
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
    "std::bad_alloc",
)
REMEDY = (
    "Give the job more memory: a larger GPU, or more mem_mb for its rule where memory is limited "
    "(on SLURM in workflow/profiles/slurm/config.yaml), or fewer jobs at a time."
)


class BatchSize:
    """How many items are worked on at once: fewer from the first batch on that does not fit.

    Used as

        size = BatchSize(64)
        for rows in size.over(len(items)):
            with size.fitting():
                work(items[rows])

    where ``work`` may be done twice for the same rows.

    Parameters
    ----------
    at_once
        Most items at first.
    what
        What an item is, in the plural.
    """

    def __init__(self, at_once: int, *, what: str = "images") -> None:
        self.at_once = at_once
        self.what = what
        self._tried = 0
        self._failed = False

    def over(self, count: int) -> Iterator[slice]:
        """Yield slices of ``count`` items; the same first rows again after a batch that failed."""
        start = 0
        while start < count:
            rows = slice(start, min(start + self.at_once, count))
            self._tried, self._failed = rows.stop - rows.start, False
            yield rows
            if self._failed:
                free_memory()
            else:
                start = rows.stop

    @contextmanager
    def fitting(self) -> Iterator[None]:
        """Halve the batch, and say so, if the block runs out of memory.

        Raises
        ------
        UserError
            If a batch of one does not fit.
        """
        try:
            yield
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if self._tried <= 1:
                raise out_of_memory(error, f"one of the {self.what}") from error
            self.at_once = self._tried // 2
            self._failed = True
            LOGGER.warning(
                "out of memory with %d %s at once: going on with %d",
                self._tried,
                self.what,
                self.at_once,
            )


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an exception means that memory, of the GPU or of the process, is used up."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in SAID)


def out_of_memory(error: BaseException, what: str = "the job") -> UserError:
    """Return what to tell a user whose work does not fit the memory."""
    first = str(error).strip().partition("\n")[0] or type(error).__name__
    return UserError(f"out of memory ({first})", where=what, remedy=REMEDY)


def free_memory() -> None:
    """Give back what a failed batch has left; the exception must be gone."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()

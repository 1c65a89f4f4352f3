"""How long to wait and how often to try again."""

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from convscope.errors import UserError
from convscope.fetching.failures import WITHOUT_A_NETWORK, TransientError, shown

LOGGER = logging.getLogger(__name__)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Patience:
    """Limits of one download; all times in seconds.

    Parameters
    ----------
    connect_timeout
        For finding the server's address, and for each connection.
    read_timeout
        Longest silence of the server.
    attempts
        Tries in all, the first one included.
    first_wait
        Pause after the first failure; it doubles each time.
    longest_wait
        Longest pause, also where the server asks for a longer one.
    total
        No further try begins after this time.
    """

    connect_timeout: float = 3.0
    read_timeout: float = 30.0
    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 30.0
    total: float = 900.0


def persist(operation: Callable[[], Result], url: str, patience: Patience) -> Result:
    """Return ``operation()``, tried again after each ``TransientError`` within ``patience``.

    Raises
    ------
    UserError
        When patience is at its end; it names ``url`` and the last reason. Other exceptions of
        ``operation`` pass at once.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(TransientError),
        stop=tenacity.stop_after_attempt(patience.attempts)
        | tenacity.stop_after_delay(patience.total),
        wait=functools.partial(_pause, patience),
        before_sleep=functools.partial(_say, url, patience),
        reraise=True,
    )
    try:
        return retrying(operation)
    except TransientError as error:
        tries = retrying.statistics["attempt_number"]
        raise UserError(
            f"{error.reason}, after {tries} attempt{'s' if tries > 1 else ''}",
            where=shown(url),
            remedy=f"Try again later. {WITHOUT_A_NETWORK}",
        ) from error


def _pause(patience: Patience, state: tenacity.RetryCallState) -> float:
    # The random part keeps jobs that failed together from coming back together.
    first = patience.first_wait
    backoff = tenacity.wait_exponential(multiplier=first) + tenacity.wait_random(0, first / 2)
    return min(max(backoff(state), _failure(state).wait), patience.longest_wait)


def _say(url: str, patience: Patience, state: tenacity.RetryCallState) -> None:
    LOGGER.warning(
        "%s: %s; attempt %d of %d failed, the next in %.1f s",
        shown(url),
        _failure(state).reason,
        state.attempt_number,
        patience.attempts,
        state.upcoming_sleep,
    )


def _failure(state: tenacity.RetryCallState) -> TransientError:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, TransientError) else TransientError("it failed")

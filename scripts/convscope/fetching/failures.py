"""What a failed request means: worth another try, or an error that the user can mend."""

import socket
import ssl
from urllib.parse import urlsplit, urlunsplit

from convscope.errors import UserError

TRANSIENT_STATUS = frozenset({408, 425, 429})
WITHOUT_A_NETWORK = (
    "Two ways work without a network: local files (a path as `source` in the sample sheet, or as "
    "`weights` in the config) or the demo (`--configfile config/demo.yaml`)."
)


class TransientError(Exception):
    """A failure that another attempt may not meet.

    Parameters
    ----------
    reason
        What happened, in words.
    wait
        Seconds that the server asks to wait before the next attempt.
    """

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        self.reason = reason
        self.wait = wait
        super().__init__(reason)


def shown(url: str) -> str:
    """Return ``url`` for messages: without a user name and password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def unreachable(url: str, reason: str) -> UserError:
    """Return the error for a server that can't be reached at all."""
    return UserError(f"no connection ({reason})", where=shown(url), remedy=WITHOUT_A_NETWORK)


def status_error(url: str, status: int, retry_after: str | None = None) -> Exception:
    """Return what an HTTP status of 400 or more means.

    Parameters
    ----------
    url
        What was asked for.
    status
        The status of the answer.
    retry_after
        The answer's ``Retry-After`` header; only the form in seconds is heeded.
    """
    if status in TRANSIENT_STATUS or status >= 500:
        wait = float(retry_after) if retry_after and retry_after.isdigit() else 0.0
        return TransientError(f"the server answered with status {status}", wait)
    if status in {401, 403}:
        return UserError(
            f"the server refuses access (status {status})",
            where=shown(url),
            remedy="Use an address or a mirror that is open to you, or a local file.",
        )
    return UserError(
        f"the server has no such file (status {status})",
        where=shown(url),
        remedy="Check the address and the base URL in the config or the sample sheet, or use a "
        "local file.",
    )


def transport_error(
    url: str, error: BaseException, transient: tuple[type[BaseException], ...]
) -> Exception:
    """Return what an exception of an HTTP library means.

    Parameters
    ----------
    url
        What was asked for.
    error
        The exception.
    transient
        The library's classes for failures of the connection.
    """
    causes = _chain(error)
    deepest = f"{type(causes[-1]).__name__}: {causes[-1]}"
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return unreachable(url, f"unknown host, {deepest}")
    if any(_is_refused_tls(cause) for cause in causes):
        return UserError(
            f"no secure connection ({deepest})",
            where=shown(url),
            remedy="Check the address (http or https) and the machine's certificates; "
            "SSL_CERT_FILE and REQUESTS_CA_BUNDLE name other ones.",
        )
    if isinstance(error, transient):
        return TransientError(deepest)
    return UserError(
        f"the request can't be made ({deepest})", where=shown(url), remedy="Check the address."
    )


def _is_refused_tls(cause: BaseException) -> bool:
    # A connection that breaks off during the handshake is a broken connection, not a refusal.
    broken = ssl.SSLEOFError | ssl.SSLZeroReturnError
    return isinstance(cause, ssl.SSLError) and not isinstance(cause, broken)


def _chain(error: BaseException) -> list[BaseException]:
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and cause not in causes:
        causes.append(cause)
    return causes

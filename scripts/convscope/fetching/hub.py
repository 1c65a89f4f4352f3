"""Files of a Hugging Face hub by HTTP ranges, with our own limits instead of the client's.

The hub's client tries each request six times with its own pauses (23 s for a dead host) and takes a
whole file for a range when a server ignores ranges. Its documented hook for this is a client with
our transport: it sets the time limits, checks every answer, and turns each failure into a
``TransientError`` or a ``UserError``, which the client passes on at once.
"""

import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

import httpx2

from convscope.errors import UserError
from convscope.fetching.connection import USER_AGENT, proxy_of
from convscope.fetching.failures import TransientError, shown, status_error, transport_error
from convscope.fetching.patience import Patience

if TYPE_CHECKING:
    from huggingface_hub import HfFileSystem

TRANSIENT = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)
# Read by the client's library when it is imported. Xet would bring other hosts and its own retries.
QUIET = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1"}


@contextmanager
def hub_files(
    endpoint: str, patience: Patience, received: Callable[[int], object]
) -> Iterator["HfFileSystem"]:
    """Yield the hub at ``endpoint`` as a file system, without an account.

    Parameters
    ----------
    endpoint
        Base address, ``https://huggingface.co`` or a mirror's.
    patience
        Timeouts; attempts are the caller's.
    received
        Told the number of bytes of each piece of a file that arrives.

    Raises
    ------
    TransientError
        From any use of the file system: another attempt may help.
    UserError
        From any use of the file system: it will not.
    """
    huggingface_hub = _quiet_hub(endpoint)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs signed addresses
    clients: list[httpx2.Client] = []

    def make_client() -> httpx2.Client:
        inner = httpx2.HTTPTransport(proxy=proxy_of(endpoint))
        transport = CheckedTransport(inner, patience, received)
        clients.append(httpx2.Client(transport=transport, follow_redirects=True))
        return clients[-1]

    huggingface_hub.set_client_factory(make_client)
    try:
        yield huggingface_hub.HfFileSystem(
            endpoint=endpoint.rstrip("/"), token=False, skip_instance_cache=True
        )
    finally:
        huggingface_hub.close_session()
        for client in clients:
            client.close()


def _quiet_hub(endpoint: str) -> ModuleType:
    """Import the hub's library, and heed the user's wish to stay offline."""
    os.environ.update(QUIET)
    import huggingface_hub

    if huggingface_hub.is_offline_mode():
        raise UserError(
            "the environment forbids downloads from it (HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE)",
            where=endpoint,
            remedy="Unset the variable, or take Mini-ImageNet out of `sample_sets`.",
        )
    return huggingface_hub


class CheckedTransport(httpx2.BaseTransport):
    """Sends requests through ``inner`` within ``patience`` and lets only right answers through."""

    def __init__(
        self, inner: httpx2.BaseTransport, patience: Patience, received: Callable[[int], object]
    ) -> None:
        self._inner = inner
        self._patience = patience
        self._received = received

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request; see the module for what is raised."""
        address = str(request.url.copy_with(query=None))
        connect, read = self._patience.connect_timeout, self._patience.read_timeout
        limits = {"connect": connect, "pool": connect, "read": read, "write": read}
        request.extensions = {**request.extensions, "timeout": limits}
        request.headers["User-Agent"] = USER_AGENT
        request.headers["Accept-Encoding"] = "identity"
        try:
            response = self._inner.handle_request(request)
        except httpx2.TransportError as error:
            raise transport_error(address, error, TRANSIENT) from error
        try:
            length = _checked_length(address, request, response)
        except (TransientError, UserError):
            response.close()
            raise
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_CheckedStream(response, address, length, self._received),
            extensions=response.extensions,
        )

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


def _checked_length(address: str, request: httpx2.Request, response: httpx2.Response) -> int | None:
    """Return the length of the range that the answer brings; ``None`` if no range was asked for."""
    if response.status_code >= 400:
        raise status_error(address, response.status_code, response.headers.get("Retry-After"))
    asked = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
    if asked is None or response.is_redirect:
        return None
    start, stop = int(asked[1]), int(asked[2])
    given = response.headers.get("Content-Range", "")
    if response.status_code != 206 or not given.startswith(f"bytes {start}-{stop}/"):
        raise UserError(
            f"the server doesn't serve ranges: asked for bytes {start} to {stop}, it answered with "
            f"status {response.status_code} and {given or 'the whole file'}",
            where=shown(address),
            remedy="Use a mirror that serves HTTP ranges (its base URL is a config key).",
        )
    return stop - start + 1


class _CheckedStream(httpx2.SyncByteStream):
    """The body of an answer: counted, and of the right length or a ``TransientError``."""

    def __init__(
        self,
        response: httpx2.Response,
        address: str,
        length: int | None,
        received: Callable[[int], object],
    ) -> None:
        self._response = response
        self._address = address
        self._length = length
        self._received = received

    def __iter__(self) -> Iterator[bytes]:
        count = 0
        try:
            for piece in self._response.stream:
                count += len(piece)
                if self._length is not None:
                    self._received(len(piece))
                yield piece
        except httpx2.TransportError as error:
            raise transport_error(self._address, error, TRANSIENT) from error
        if self._length is not None and count != self._length:
            raise TransientError(f"the answer was cut off: {count} of {self._length} bytes")

    def close(self) -> None:
        """Give the connection back."""
        self._response.close()

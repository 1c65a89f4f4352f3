"""Is there a server at all? Asked before a download, so that a missing network is said at once."""

import queue
import socket
import threading
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies, prepend_scheme_if_needed, select_proxy

from convscope import __version__
from convscope.errors import UserError
from convscope.fetching.failures import shown, unreachable

USER_AGENT = (
    f"convscope/{__version__} (Snakemake workflow, fetches images and network weights once and "
    f"keeps them) python-requests/{requests.__version__}"
)
PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}


def require_web_address(url: str) -> None:
    """Raise a ``UserError`` unless ``url`` is an http or https address with a host name."""
    try:
        parts = urlsplit(url)
        good = parts.scheme.lower() in {"http", "https"} and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        good = False
    if not good:
        raise UserError(
            "not an http or https address",
            where=shown(url) or "url",
            remedy="Give an address such as https://host/file, or the plain path of a local file, "
            "which is used where it lies.",
        )


def require_connection(url: str, timeout: float) -> None:
    """Check that the host of ``url``, or the proxy on the way to it, takes a connection.

    Name look-ups have no timeout of their own and a host may have several addresses, of which only
    some work from here; so everything runs in threads and the first good connection decides.

    Parameters
    ----------
    url
        An http or https address.
    timeout
        Seconds for the name look-up, and the same again for the connection.

    Raises
    ------
    UserError
        If there is no connection; it names the ways to work without one.
    """
    host, port = _first_stop(url)
    answers: queue.SimpleQueue[OSError | None] = queue.SimpleQueue()
    threading.Thread(target=_try_host, args=(host, port, timeout, answers), daemon=True).start()
    try:
        failure = answers.get(timeout=2 * timeout)
    except queue.Empty:
        raise unreachable(url, f"{host}:{port} did not answer in {2 * timeout:g} s") from None
    if isinstance(failure, socket.gaierror):
        raise unreachable(url, f"unknown host {host}, {failure}") from failure
    if failure is not None:
        raise unreachable(url, f"{host}:{port}, {failure}") from failure


def proxy_of(url: str) -> str | None:
    """Return the address of the proxy that the environment names for ``url``, if any."""
    proxy = select_proxy(url, get_environ_proxies(url))
    return prepend_scheme_if_needed(proxy, "http") if proxy else None


def _first_stop(url: str) -> tuple[str, int]:
    parts = urlsplit(proxy_of(url) or url)
    return parts.hostname or "", parts.port or PORTS.get(parts.scheme.lower(), 80)


def _try_host(
    host: str, port: int, timeout: float, answers: "queue.SimpleQueue[OSError | None]"
) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        answers.put(error if isinstance(error, OSError) else socket.gaierror(str(error)))
        return
    failures: list[OSError] = []
    addresses = sorted({address for *_, address in found}, key=str)
    threads = [
        threading.Thread(
            target=_try_address, args=(address, timeout, answers, failures), daemon=True
        )
        for address in addresses
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(failures) == len(threads):
        answers.put(failures[-1] if failures else OSError("it has no address"))


def _try_address(
    address: tuple,
    timeout: float,
    answers: "queue.SimpleQueue[OSError | None]",
    failures: list[OSError],
) -> None:
    try:
        socket.create_connection(address[:2], timeout).close()
    except OSError as error:
        failures.append(error)
    else:
        answers.put(None)

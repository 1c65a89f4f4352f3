"""Fetch one file over HTTP with pooch: checked, whole or not at all, tried again where it helps."""

import logging
import re
from pathlib import Path
from urllib.parse import urlsplit

import pooch
import requests

from convscope.digests import file_sha256
from convscope.errors import UserError
from convscope.fetching.connection import USER_AGENT, require_connection, require_web_address
from convscope.fetching.failures import shown, status_error, transport_error
from convscope.fetching.patience import Patience, persist
from convscope.fetching.transfer import transferring
from convscope.files import replacing

LOGGER = logging.getLogger(__name__)
CHUNK = 1 << 16
# Identity: sizes in the answer are sizes of the file. A cut-off body is a ChunkedEncodingError.
HEADERS = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
TRANSIENT = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)


def fetch_image(
    url: str,
    destination: str | Path,
    *,
    sha256: str | None = None,
    patience: Patience = Patience(),  # noqa: B008 (immutable)
    reachable: bool = False,
) -> str:
    """Fetch an image file as it is.

    Parameters
    ----------
    url
        An http or https address.
    destination
        The file to write; it appears whole or not at all.
    sha256
        The expected digest, 64 hexadecimal digits.
    patience
        Timeouts and attempts.
    reachable
        Whether the server is known to answer, so that it is not asked first.

    Returns
    -------
    str
        The SHA-256 of the file.

    Raises
    ------
    UserError
        If the file can't be had or is not the expected one; it names the address and the remedy.
    """
    require_web_address(url)
    if not reachable:
        require_connection(url, patience.connect_timeout)
    return _fetch(url, destination, expected=_digits(sha256, 64), patience=patience, bar=False)


def fetch_weights(
    url: str,
    destination: str | Path,
    *,
    sha256: str | None = None,
    sha256_prefix: str | None = None,
    patience: Patience = Patience(),  # noqa: B008 (immutable)
) -> str:
    """Fetch a file of weights as it is; it is not opened.

    Parameters
    ----------
    url, destination, patience
        As for ``fetch_image``.
    sha256
        The expected digest, 64 hexadecimal digits.
    sha256_prefix
        Its first digits, as torchvision's file names have them (``vgg16-397923af.pth``), where the
        whole is not known; the digest found is logged then.

    Returns
    -------
    str
        The SHA-256 of the file.

    Raises
    ------
    UserError
        As for ``fetch_image``.
    """
    expected = _digits(sha256, 64) or _digits(sha256_prefix, None)
    require_web_address(url)
    require_connection(url, patience.connect_timeout)
    found = _fetch(url, destination, expected=expected, patience=patience, bar=True)
    if len(expected) < 64:
        LOGGER.info("To pin this file, give `sha256: %s` beside its address.", found)
    return found


def _fetch(
    url: str, destination: str | Path, *, expected: str, patience: Patience, bar: bool
) -> str:
    with replacing(destination) as temporary:
        persist(lambda: _download(url, temporary, patience, bar), url, patience)
        found = file_sha256(temporary)
        _check(url, temporary, expected, found)
        size = temporary.stat().st_size
    LOGGER.info("%s: %.1f MB, sha256 %s", shown(url), size / 1e6, found)
    return found


def _download(url: str, temporary: Path, patience: Patience, bar: bool) -> None:
    name = Path(urlsplit(url).path).name or shown(url)
    with transferring(LOGGER, name, bar=bar) as display:
        downloader = pooch.HTTPDownloader(
            progressbar=display,
            chunk_size=CHUNK,
            headers=HEADERS,
            timeout=(patience.connect_timeout, patience.read_timeout),
        )
        try:
            downloader(url, str(temporary), None)
        except requests.HTTPError as error:
            answer = error.response
            again = answer.headers.get("Retry-After")
            raise status_error(url, answer.status_code, again) from error
        except requests.RequestException as error:
            raise transport_error(url, error, TRANSIENT) from error


def _check(url: str, file: Path, expected: str, found: str) -> None:
    with file.open("rb") as stream:
        start = stream.read(256).lstrip().lower()
    page = start.startswith((b"<!doctype html", b"<html"))
    if not start or page:
        raise UserError(
            "the server sent a web page, not the file" if page else "the server sent an empty file",
            where=shown(url),
            remedy="Open the address in a browser: it must lead to the file itself, without a "
            "sign-in page. A local file works too.",
        )
    if not found.startswith(expected):
        raise UserError(
            f"its sha256 is {found}, not {expected}{'...' if len(expected) < 64 else ''}",
            where=shown(url),
            remedy="The file there is not the one that was pinned: mend the address, or the "
            "sha256 if you trust the new file. Nothing was kept.",
        )


def _digits(digest: str | None, length: int | None) -> str:
    digest = (digest or "").strip().lower()
    wanted = f"{length}" if length else "4,64"
    if digest and not re.fullmatch(rf"[0-9a-f]{{{wanted}}}", digest):
        raise UserError(
            f"{digest!r} is not {length or 'the beginning of 64'} hexadecimal digits",
            where="sha256",
            remedy="Give the SHA-256 of the file (`sha256sum FILE`), or leave it empty.",
        )
    return digest

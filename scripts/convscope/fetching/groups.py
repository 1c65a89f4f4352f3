"""Fetch a group of images: those that are not there yet, several at a time, each kept at once."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from convscope.digests import file_sha256
from convscope.errors import UserError
from convscope.fetching.connection import require_connection
from convscope.fetching.downloads import fetch_image
from convscope.fetching.fetched import Fetched, image_place, source_digest, write_manifest
from convscope.fetching.patience import Patience
from convscope.fetching.terms import imagenet_notice, is_imagenet
from convscope.problems import together
from convscope.progress import progress

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Address:
    """Where an image comes from; ``sha256`` is ``None`` where it is not known."""

    url: str
    sha256: str | None

    @property
    def source(self) -> str:
        """The name of its folder."""
        return source_digest(self.url, self.sha256)


def fetch_group(
    addresses: Sequence[Address],
    manifest: str | Path,
    *,
    at_once: int = 1,
    patience: Patience = Patience(),  # noqa: B008 (immutable)
    describe: Callable[[str], str] = lambda url: "",
) -> None:
    """Fetch the images of a group that are not there yet, and list all of them in a manifest.

    Every image that arrives is kept, whatever becomes of the others; so a second call fetches only
    what is missing.

    Parameters
    ----------
    addresses
        The images.
    manifest
        The file to write, at the place that ``fetched.manifest_place`` names; it is written when
        all images are there.
    at_once
        Most transfers at a time.
    patience
        Timeouts and attempts of each image.
    describe
        Says for messages where a URL stands; an empty text if that is not known.

    Raises
    ------
    UserError
        If images can't be had or are not the expected ones; up to ten are named in one message.
    """
    if any(is_imagenet(address.url) for address in addresses):
        imagenet_notice(LOGGER)
    places = {address: image_place(manifest, address.source) for address in addresses}
    missing = [address for address, place in places.items() if not _is_there(address, place)]
    LOGGER.info("%d of %d images are there", len(places) - len(missing), len(places))
    problems = _fetch_all({address: places[address] for address in missing}, at_once, patience)
    if problems:
        raise together(
            _named(problems, describe),
            len(places),
            "images can't be fetched",
            "images of the group",
        )
    found = [
        Fetched(address.source, file_sha256(place), place.stat().st_size)
        for address, place in places.items()
    ]
    write_manifest(manifest, found)
    if any(address.sha256 is None for address in addresses):
        LOGGER.info("To pin images, give their sha256 in the sample sheet; see %s", manifest)


def _is_there(address: Address, place: Path) -> bool:
    if not place.is_file():
        return False
    if address.sha256 is None or file_sha256(place) == address.sha256:
        return True
    LOGGER.warning("%s is damaged and is fetched anew", place)
    return False


def _fetch_all(
    places: Mapping[Address, Path], at_once: int, patience: Patience
) -> dict[Address, UserError]:
    """Return what went wrong, in the order of ``places``."""
    problems = _unreachable(list(places), patience)
    waiting: dict[Future[str], Address] = {}
    with ThreadPoolExecutor(max_workers=max(1, at_once)) as pool:
        try:
            for address, place in places.items():
                if address not in problems:
                    options = {"sha256": address.sha256, "patience": patience, "reachable": True}
                    waiting[pool.submit(fetch_image, address.url, place, **options)] = address
            work = as_completed(waiting)
            for done in progress(work, LOGGER, what="images", total=len(waiting)):
                error = done.exception()
                if isinstance(error, UserError):
                    problems[waiting[done]] = error
                elif error is not None:
                    raise error
        finally:
            pool.shutdown(cancel_futures=True)
    return {address: problems[address] for address in places if address in problems}


def _unreachable(addresses: Sequence[Address], patience: Patience) -> dict[Address, UserError]:
    """Ask every server once, so that one that does not answer is not waited for again and again."""
    problems: dict[Address, UserError] = {}
    answers: dict[str, UserError | None] = {}
    for address in addresses:
        server = urlsplit(address.url).netloc
        if server not in answers:
            answers[server] = _no_connection(address.url, patience)
        error = answers[server]
        if error is not None:
            problems[address] = error
    return problems


def _no_connection(url: str, patience: Patience) -> UserError | None:
    try:
        require_connection(url, patience.connect_timeout)
    except UserError as error:
        return error
    return None


def _named(
    problems: Mapping[Address, UserError], describe: Callable[[str], str]
) -> list[UserError]:
    """Say where each address stands; a server that does not answer is one problem."""
    named: dict[int, UserError] = {}
    for address, error in problems.items():
        place = describe(address.url)
        where = f"{place}, {error.where}" if place else error.where
        named.setdefault(id(error), UserError(error.what, where=where, remedy=error.remedy))
    return list(named.values())

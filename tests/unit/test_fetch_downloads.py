"""Files over HTTP: what arrives, what is refused, what is tried again."""

import hashlib
import logging
import socket
import sys

import pytest

from convscope.errors import UserError
from convscope.fetching import connection
from convscope.fetching.downloads import fetch_image, fetch_weights
from convscope.fetching.failures import shown
from convscope.fetching.patience import Patience
from convscope.fetching.transfer import LoggedTransfer, transferring
from servers import serving

pytestmark = pytest.mark.usefixtures("no_proxy")
QUICK = Patience(connect_timeout=0.5, read_timeout=0.3, attempts=3, first_wait=0.01)
CONTENT = bytes(range(256)) * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "cat.jpg").write_bytes(CONTENT)
    (folder / "empty.jpg").write_bytes(b"")
    with serving(folder) as running:
        yield running


@pytest.fixture
def place(tmp_path):
    return tmp_path / "results" / "deep" / "cat.jpg"


def assert_nothing_left(place):
    assert not place.parent.exists() or list(place.parent.iterdir()) == []


def refused(url, place, *words, **options):
    with pytest.raises(UserError) as caught:
        fetch_image(url, place, patience=options.pop("patience", QUICK), **options)
    assert_nothing_left(place)
    for word in words:
        assert word in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("digest", [DIGEST, DIGEST.upper(), None, ""])
def test_image_arrives_byte_by_byte(server, place, digest, caplog):
    caplog.set_level(logging.INFO)
    assert fetch_image(server.url("cat.jpg"), place, sha256=digest, patience=QUICK) == DIGEST
    assert place.read_bytes() == CONTENT
    assert [file.name for file in place.parent.iterdir()] == ["cat.jpg"]
    assert DIGEST in caplog.text


def test_request_says_who_asks(server, place):
    fetch_image(server.url("cat.jpg"), place, patience=QUICK)
    (request,) = server.asked()
    assert request.headers["User-Agent"].startswith("convscope/")
    assert request.headers["Accept-Encoding"] == "identity"


def test_file_that_stands_there_is_replaced_only_on_success(server, place):
    place.parent.mkdir(parents=True)
    place.write_bytes(b"old")
    with pytest.raises(UserError):
        fetch_image(server.url("cat.jpg"), place, sha256="0" * 64, patience=QUICK)
    assert place.read_bytes() == b"old"
    fetch_image(server.url("cat.jpg"), place, sha256=DIGEST, patience=QUICK)
    assert place.read_bytes() == CONTENT


def test_wrong_checksum_fails_at_once(server, place):
    url = server.url("cat.jpg")
    refused(url, place, url, DIGEST, "a" * 64, "pinned", sha256="a" * 64)
    assert len(server.asked()) == 1


@pytest.mark.parametrize("digest", ["abc", "x" * 64, DIGEST[:-1]])
def test_checksum_that_is_none_is_refused_before_the_request(server, place, digest):
    refused(server.url("cat.jpg"), place, "64 hexadecimal digits", sha256=digest)
    assert server.asked() == []


@pytest.mark.parametrize("status", ["404", "403"])
def test_permanent_status_fails_at_once(server, place, status):
    server.fail("cat.jpg", status)
    refused(server.url("cat.jpg"), place, "/cat.jpg", status, "address", "local file")
    assert len(server.asked()) == 1


@pytest.mark.parametrize("kind", ["503", "500", "429", "cut", "reset", "hang"])
def test_passing_fault_is_tried_again(server, place, kind, caplog):
    server.fail("cat.jpg", kind, times=2)
    fetch_image(server.url("cat.jpg"), place, sha256=DIGEST, patience=QUICK)
    assert place.read_bytes() == CONTENT
    assert len(server.asked()) == 3
    assert "attempt 2 of 3 failed" in caplog.text


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("503", "status 503"),
        ("cut", "IncompleteRead"),
        ("reset", "Connection"),
        ("hang", "timed out"),
    ],
)
def test_lasting_fault_ends_in_one_clear_message(server, place, kind, words):
    server.fail("cat.jpg", kind)
    url = server.url("cat.jpg")
    refused(url, place, url, words, "after 3 attempts", "config/demo.yaml", "`source`")
    assert len(server.asked()) == 3


def test_pause_that_the_server_asks_for_is_heeded_within_limits(server, place, caplog):
    server.fail("cat.jpg", "503", times=1, headers={"Retry-After": "3600"})
    patience = Patience(attempts=2, first_wait=0.01, longest_wait=0.07)
    fetch_image(server.url("cat.jpg"), place, patience=patience)
    assert "the next in 0.1 s" in caplog.text


@pytest.mark.parametrize(("name", "words"), [("empty.jpg", "empty file"), ("cat.jpg", "web page")])
def test_answer_that_is_no_file_is_refused(server, place, name, words):
    server.fail("cat.jpg", "page")
    refused(server.url(name), place, name, words, "browser")


@pytest.mark.parametrize(
    "url", ["file:///etc/hosts", "photos/cat.jpg", "ftp://host/cat.jpg", "http:///cat", "http://[x"]
)
def test_only_web_addresses_are_fetched(place, url):
    refused(url, place, "not an http or https address", "local file")


def test_plain_server_behind_https_fails_at_once(server, place):
    url = server.url("cat.jpg").replace("http:", "https:")
    refused(url, place, url, "no secure connection", "certificates")


def test_unknown_host_fails_at_once_with_both_ways_out(place, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    words = ("unknown host nowhere.invalid", "`source`", "`weights`", "config/demo.yaml")
    refused("http://nowhere.invalid/cat.jpg", place, *words)


def test_look_up_that_never_answers_is_given_up(place, monkeypatch, server):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [server.released.wait(10)][:0])
    patience = Patience(connect_timeout=0.1)
    refused("http://nowhere.invalid/cat.jpg", place, "did not answer in 0.2 s", patience=patience)


def test_server_that_is_not_there_fails_at_once(place):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/cat.jpg"
        refused(url, place, url, "no connection", "refused", "config/demo.yaml")


def test_one_good_address_of_several_is_enough(monkeypatch, server, place):
    real = socket.getaddrinfo
    dead = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))

    def both(host, port, *rest, **options):
        return [dead, *real(host, port, *rest, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    connection.require_connection(server.base, 0.5)


def test_connection_is_tried_at_the_proxy(monkeypatch, server):
    monkeypatch.setenv("http_proxy", server.base.removeprefix("http://"))
    connection.require_connection("http://nowhere.invalid/cat.jpg", 0.5)


def test_password_in_an_address_is_not_shown():
    assert shown("https://me:secret@host:8/a?b=1") == "https://host:8/a?b=1"


@pytest.mark.parametrize(
    "options",
    [
        {"sha256": DIGEST},
        {"sha256_prefix": DIGEST[:8]},
        {"sha256": DIGEST, "sha256_prefix": "0" * 8},
    ],
)
def test_weights_are_checked_by_the_best_that_is_known(server, place, options, caplog):
    caplog.set_level(logging.INFO)
    assert fetch_weights(server.url("cat.jpg"), place, patience=QUICK, **options) == DIGEST
    assert place.read_bytes() == CONTENT
    assert (f"sha256: {DIGEST}" in caplog.text) == ("sha256" not in options)


@pytest.mark.parametrize("options", [{"sha256": "0" * 64}, {"sha256_prefix": "00000000"}])
def test_weights_with_a_wrong_checksum_are_refused(server, place, options):
    with pytest.raises(UserError, match="00000000"):
        fetch_weights(server.url("cat.jpg"), place, patience=QUICK, **options)
    assert_nothing_left(place)


def test_lines_of_the_log_say_how_far_the_transfer_is(caplog):
    caplog.set_level(logging.INFO)
    transfer = LoggedTransfer(logging.getLogger("test"), "vgg16.pth", seconds=0.0)
    transfer.total = 3_000_000
    transfer.update(1_000_000)
    transfer.update(2_500_000)
    transfer.close()
    transfer.update(1)
    assert caplog.messages == ["vgg16.pth: 1.0 of 3.0 MB", "vgg16.pth: 3.0 of 3.0 MB"]


def test_terminal_has_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with transferring(logging.getLogger("test"), "vgg16.pth") as bar:
        bar.total = 10
        bar.update(10)
    assert "vgg16.pth" in capsys.readouterr().err

"""Stand-in servers on the loopback interface: a folder, a Hugging Face hub, and their faults."""

import hashlib
import json
import re
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow
import pyarrow.parquet

FAULTS = ("404", "403", "500", "503", "429", "hang", "cut", "whole", "shifted", "reset", "page")


@dataclass
class Fault:
    """What goes wrong with requests whose path contains ``path``; ``times`` None means always."""

    path: str
    kind: str
    times: int | None = None
    ranges_only: bool = False
    headers: dict = field(default_factory=dict)


@dataclass
class Request:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict


class StandIn(ThreadingHTTPServer):
    """Serves the files of a folder; ``fail`` makes it misbehave, ``requests`` says what was asked.

    Used as ``with serving(folder) as server: fetch(server.url("cat.jpg"))``.
    """

    daemon_threads = True

    def __init__(self, folder, routes=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = Path(folder)
        self.routes = routes or (lambda handler, path: False)
        self.faults = []
        self.requests = []
        self.released = threading.Event()
        self.lock = threading.Lock()

    @property
    def base(self):
        return f"http://127.0.0.1:{self.server_port}"

    def url(self, name):
        return f"{self.base}/{name}"

    def fail(self, path, kind, times=None, *, ranges_only=False, headers=None):
        assert kind in FAULTS, kind
        self.faults.append(Fault(path, kind, times, ranges_only, headers or {}))

    def asked(self, path=""):
        return [request for request in self.requests if path in request.path]

    def fault_of(self, path, is_range):
        with self.lock:
            for fault in self.faults:
                fits = fault.path in path and (is_range or not fault.ranges_only)
                if fits and fault.times != 0:
                    fault.times = None if fault.times is None else fault.times - 1
                    return fault
        return None

    def handle_error(self, request, client_address):
        """Stay silent: clients that give up are what the tests are about."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        with self.server.lock:
            self.server.requests.append(Request(self.command, self.path, dict(self.headers)))
        self.fault = self.server.fault_of(path, "Range" in self.headers)
        if self.fault is not None and self.misbehave(self.fault):
            return
        if self.server.routes(self, path):
            return
        file = self.server.folder / path.lstrip("/")
        if file.is_file():
            self.send_bytes(file.read_bytes())
        else:
            self.send_status(404)

    def misbehave(self, fault):
        if fault.kind == "hang":
            self.server.released.wait()
            self.close_connection = True
        elif fault.kind == "reset":
            linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
            self.close_connection = True
        elif fault.kind == "page":
            self.send_bytes(b"<!DOCTYPE html><html>Please sign in</html>", kind="text/html")
        elif fault.kind.isdigit():
            self.send_status(int(fault.kind), fault.headers)
        else:
            return False
        return True

    def send_status(self, status, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_bytes(self, content, *, kind="application/octet-stream", headers=None):
        """Answer with ``content`` or the range asked for, or as the fault has it."""
        fault_kind = self.fault.kind if self.fault else ""
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        body, status, given = content, 200, None
        if asked and fault_kind != "whole":
            start = int(asked[1]) - (fault_kind == "shifted")
            stop = min(int(asked[2] or len(content)), len(content) - 1) - (fault_kind == "shifted")
            body, status = content[start : stop + 1], 206
            given = f"bytes {start}-{stop}/{len(content)}"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Accept-Ranges", "bytes")
        if given:
            self.send_header("Content-Range", given)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault_kind == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        else:
            self.wfile.write(body)


@contextmanager
def serving(folder, routes=None):
    """Serve ``folder`` on 127.0.0.1 for the length of the block."""
    server = StandIn(folder, routes)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


class HubRoutes:
    """The part of a Hugging Face hub's HTTP interface that reading one dataset needs."""

    def __init__(self, folder, repository, revision, elsewhere):
        self.folder = Path(folder)
        self.revision = revision
        self.elsewhere = elsewhere
        self.about = {"id": repository, "sha": revision, "private": False, "gated": False}
        self.about |= {"tags": [], "siblings": []}
        self.api = f"/api/datasets/{repository}"
        self.files = f"/datasets/{repository}/resolve/{revision}/"

    def __call__(self, handler, path):
        if path in (self.api, f"{self.api}/revision/{self.revision}"):
            self.answer_json(handler, self.about)
        elif path.startswith(f"{self.api}/tree/{self.revision}"):
            inside = path.removeprefix(f"{self.api}/tree/{self.revision}").strip("/")
            self.answer_json(handler, list(self.entries(inside)))
        elif path.startswith(self.files):
            self.answer_file(handler, path.removeprefix(self.files))
        else:
            handler.send_status(404, {"X-Error-Code": "RevisionNotFound"})
        return True

    def entries(self, inside):
        for file in sorted((self.folder / inside).glob("*")):
            name = str(file.relative_to(self.folder))
            identity = hashlib.sha1(name.encode()).hexdigest()
            size = file.stat().st_size
            yield {"type": "file", "path": name, "oid": identity, "size": size}

    def answer_json(self, handler, value):
        handler.send_bytes(json.dumps(value).encode(), kind="application/json")

    def answer_file(self, handler, name):
        commit = {"X-Repo-Commit": self.revision}
        file = self.folder / name
        if not file.is_file():
            handler.send_status(404, {"X-Error-Code": "EntryNotFound", **commit})
        elif self.elsewhere is not None:
            place = f"http://localhost:{self.elsewhere.server_port}/{name}?sign=1"
            handler.send_status(302, {"Location": place, **commit})
        else:
            headers = {"ETag": f'"{file.stat().st_size}"', **commit}
            handler.send_bytes(file.read_bytes(), headers=headers)


@contextmanager
def serving_hub(folder, repository="timm/mini-imagenet", revision="0" * 40, elsewhere=None):
    """Serve ``folder`` as the dataset ``repository`` at ``revision`` of a Hugging Face hub.

    With ``elsewhere`` (another server of the same folder) files are answered by a redirect to it,
    as the hub redirects to its content network.
    """
    with serving(folder, HubRoutes(folder, repository, revision, elsewhere)) as server:
        yield server


def write_parquet(file, images, labels, names, row_group_size=100):
    """Write image files and class numbers as the ``datasets`` library writes a shard."""
    struct = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    content = [{"bytes": image, "path": f"{row}.JPEG"} for row, image in enumerate(images)]
    features = {
        "image": {"_type": "Image"},
        "label": {"names": list(names), "_type": "ClassLabel"},
    }
    schema = pyarrow.schema([("image", struct), ("label", pyarrow.int64())])
    described = {"huggingface": json.dumps({"info": {"features": features}})}
    table = pyarrow.Table.from_arrays(
        [pyarrow.array(content, struct), pyarrow.array(labels, pyarrow.int64())],
        schema=schema.with_metadata(described),
    )
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(table, file, row_group_size=row_group_size)


def write_split(folder, facts, split, image_of, cuts=None):
    """Write all parquet files of a split under ``folder/data``.

    ``facts`` is ``mini_imagenet_index.DatasetFacts`` (``MINI_IMAGENET`` gives the layout of the
    real dataset), ``image_of(image_id)`` the bytes of an image. ``cuts`` gives the rows of each
    file; by default they are cut evenly, the first ones longer by a row.
    """
    known = facts.split(split)
    if cuts is None:
        shortest, longer = divmod(known.rows, known.files)
        cuts = [shortest + (file < longer) for file in range(known.files)]
    start = 0
    for number, length in enumerate(cuts):
        labels = [row // known.rows_per_class for row in range(start, start + length)]
        ids = [
            f"{facts.wnids[label]}_{row % known.rows_per_class:03d}"
            for label, row in zip(labels, range(start, start + length), strict=True)
        ]
        file = Path(folder) / "data" / f"{split}-{number:05d}-of-{len(cuts):05d}.parquet"
        images = [image_of(image_id) for image_id in ids]
        write_parquet(file, images, labels, facts.wnids, known.row_group_size)
        start += length

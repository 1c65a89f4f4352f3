"""Pages read as HTML, and what holds for every page of the report."""

import base64
import io
import json
import re
from html.parser import HTMLParser
from urllib.parse import unquote

from PIL import Image

TILE = "112"
"""The width of small pictures beside which their names stand."""


class Page(HTMLParser):
    """Gathers tags and text, and checks that elements nest."""

    VOID = frozenset({"meta", "link", "img", "input", "br"})

    def __init__(self, path):
        super().__init__()
        self.path, self.tags, self.text, self.open = path, [], "", []
        self.html = path.read_text(encoding="utf-8")
        self.feed(self.html)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def said(self):
        return " ".join(self.text.split())

    @property
    def ids(self):
        return {attributes["id"] for _, attributes in self.tags if "id" in attributes}

    @property
    def links(self):
        return [attributes["href"] for attributes in self.all("a")]

    @property
    def data(self):
        """What scripts find in the page, by its element's id."""
        pattern = r'<script type="application/json" id="([^"]+)">(.*?)</script>'
        found = re.findall(pattern, self.html, re.S)
        return {name: json.loads(text) for name, text in found}

    def target(self, link):
        """Return the file that a link leads to."""
        file = unquote(link.partition("#")[0])
        return (self.path.parent / file).resolve() if file else self.path.resolve()


def pages_in(folder):
    """Return the pages of a folder by their place in it."""
    return {p.relative_to(folder).as_posix(): Page(p) for p in sorted(folder.rglob("*.html"))}


def contents(pages):
    return {name: page.path.read_bytes() for name, page in pages.items()}


def picture_of(image):
    """Return the picture inside a page that an img element shows."""
    kind, data = image["src"].split(",")
    assert kind == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def check_links(pages):
    """Every link leads to a file, and to a place in it, or to ImageNet's terms."""
    for page in pages.values():
        for link in page.links:
            if link.startswith("https://www.image-net.org/"):
                continue
            target, anchor = page.target(link), link.partition("#")[2]
            assert target.is_file(), (page.path, link)
            assert not anchor or anchor in Page(target).ids, (page.path, link)


def check_self_contained(pages):
    """Nothing is loaded; pictures are described; what scrolls is named and can be focused."""
    for page in pages.values():
        loaded = [a.get("src") or a.get("href") for t, a in page.tags if t in ("img", "link")]
        assert all(address.startswith("data:") for address in loaded), page.path
        assert not [a for a in page.all("script") if "src" in a], page.path
        assert all(a["alt"] or a["width"] == TILE for a in page.all("img")), page.path
        for region in page.all("div"):
            if "scroll" in region.get("class", "").split():
                assert (region["tabindex"], region["role"]) == ("0", "region"), page.path
                assert region["aria-label"], page.path

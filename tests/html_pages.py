"""Pages read as HTML."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """Gathers tags and text, and checks that elements nest."""

    VOID = frozenset({"meta", "link", "img", "input", "br"})

    def __init__(self, path):
        super().__init__()
        self.path, self.tags, self.text, self.open = path, [], "", []
        self.feed(path.read_text(encoding="utf-8"))
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

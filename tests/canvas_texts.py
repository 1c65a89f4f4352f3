"""What a figure says, and whether its words can be read: whole, inside, apart."""

from itertools import combinations

from convscope.figures.canvas import Canvas
from convscope.figures.text import ELLIPSIS, elided, font, one_line


class Texts:
    """Takes down what is written on canvases while it is installed."""

    def __init__(self, monkeypatch):
        self.written = []
        original = Canvas.text

        def text(canvas, left, top, text, *, width, size=11, bold=False, centred=False, **others):
            shown = elided(text, width, size, bold=bold)
            letters = font(size, bold=bold)
            start = left + ((width - letters.getlength(shown)) / 2 if centred else 0)
            box = letters.getbbox(shown)
            place = (start + box[0], top + box[1], start + box[2], top + box[3])
            self.written.append((one_line(text), shown, place))
            same = {"width": width, "size": size, "bold": bold, "centred": centred}
            original(canvas, left, top, text, **same, **others)

        monkeypatch.setattr(Canvas, "text", text)

    @property
    def words(self):
        return [given for given, _, _ in self.written]

    @property
    def together(self):
        return " ".join(self.words)

    def cut(self):
        return [g for g, shown, _ in self.written if g != shown or g.endswith(ELLIPSIS)]

    def outside(self, canvas):
        width, height = canvas.size
        return [
            given
            for given, _, (left, top, right, bottom) in self.written
            if left < 0 or top < 0 or right > width or bottom > height
        ]

    def overlapping(self):
        return [
            (first[0], second[0])
            for first, second in combinations(self.written, 2)
            if overlap(first[2], second[2])
        ]


def overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]

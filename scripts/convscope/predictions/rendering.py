"""The layout of predictions as an HTML fragment and as Markdown."""

import re

from convscope.predictions.layout import Cell, Layout
from convscope.report.templates import environment

DATA_FILES = ("layout.html.j2",)


def as_html(layout: Layout) -> str:
    """Return the layout as one ``<table>``: a ``<tbody>`` an image, two columns a network."""
    template = environment(__file__).get_template(DATA_FILES[0])
    return template.render(layout=layout)


def as_markdown(layout: Layout) -> str:
    """Return the layout as a Markdown table (GitHub's dialect) with the legend below."""
    head = ["image", "label", "method"]
    for column in layout.columns:
        head += [column.title, "predicted"]
    rules = ["---"] * 3 + ["---:", "---"] * len(layout.columns)
    lines = [_line(head), _line(rules, escape=False)]
    for image in layout.images:
        for row in image.rows:
            fields = [image.image, image.label, row.method]
            lines.append(_line(fields + [text for cell in row.cells for text in _texts(cell)]))
    return "\n".join([*lines, "", layout.legend, ""])


def _texts(cell: Cell | None) -> tuple[str, str]:
    if cell is None:
        return "–", "–"
    return cell.probability, f"✓ {cell.predicted}" if cell.is_label else cell.predicted


def _line(fields: list[str], *, escape: bool = True) -> str:
    return f"| {' | '.join(_escaped(f) if escape else f for f in fields)} |"


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>|~$&])", r"\\\1", " ".join(text.split()))

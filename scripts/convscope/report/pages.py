"""Write one self-contained page: inline style, pictures as data URIs, nothing fetched."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from convscope import __version__
from convscope.errors import UserError
from convscope.files import write_text
from convscope.report.templates import environment

DATA_FILES = ("base.html.j2", "parts.html.j2", "style.css", "filter.js")


def write_page(
    path: str | Path,
    *,
    title: str,
    template: str,
    context: Mapping[str, Any],
    navigation: Sequence[Mapping[str, str]],
) -> None:
    """Write an HTML page that opens from the file system, atomically.

    To add a page: write a template beside this module that starts with
    ``{% extends "base.html.j2" %}`` and fills ``{% block content %}``, name it in the
    ``DATA_FILES`` of the module that gathers its context, call this function, and add the page to
    the navigation of the others.

    Parameters
    ----------
    path
        The page; its links are relative to its directory.
    title
        Plain text for the header and the browser's tab.
    template
        File name of the template.
    context
        What the template names. Values are escaped; a missing name is an error. Markup that is
        already safe comes as ``markupsafe.Markup``.
    navigation
        The report's pages, ``{"title", "href"}``, with links relative to the page's directory. The
        entry that is this page is marked as current.

    Raises
    ------
    jinja2.UndefinedError
        If the template names something that the context lacks.
    """
    here = Path(path)
    entries = [
        {**entry, "current": (here.parent / entry["href"]).resolve() == here.resolve()}
        for entry in navigation
    ]
    page = {
        "title": title,
        "navigation": entries,
        "style": own_file("style.css"),
        "filter": own_file("filter.js"),
        "version": __version__,
    }
    html = environment(__file__).get_template(template).render(page=page, **context)
    write_text(here, html)


def own_file(name: str) -> Markup:
    """Return a file beside this module for inlining; it is trusted, so it is not escaped."""
    return Markup(Path(__file__).with_name(name).read_text(encoding="utf-8"))  # noqa: S704


def link(file: Path, page: Path) -> str:
    """Return a link to a file from the page that will stand at ``page``."""
    return quote(Path(os.path.relpath(file, page.parent)).as_posix())


def linked(entry: Mapping[str, str], page: Path) -> dict[str, str]:
    """Return a file, ``{"title", "path"}``, as a page links to it.

    Raises
    ------
    UserError
        If it is missing.
    """
    file = Path(entry["path"])
    if not file.is_file():
        raise UserError(
            "the report links to this file, but it is missing",
            where=str(file),
            remedy="Run snakemake again to make it.",
        )
    return {"title": entry["title"], "name": file.name, "href": link(file, page)}

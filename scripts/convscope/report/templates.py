"""Templates that lie beside the module that uses them: everything escaped, nothing undefined."""

from pathlib import Path

import jinja2


def environment(module_file: str) -> jinja2.Environment:
    """Return an environment for the templates beside a module (pass ``__file__``).

    All values are escaped for HTML; a name that the context lacks is an error.
    """
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(module_file).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )

"""The digest of the code that a script uses: it changes when the numbers may, not when words do."""

import hashlib
from functools import cache
from pathlib import Path

from convscope.code_facts import Facts, memory


def code_of(script: str | Path) -> str:
    """Return a digest of a script and of all library modules that it imports, however deep.

    Comments, docstrings and layout don't count. Files that a module names in ``DATA_FILES``
    count by their bytes.

    Parameters
    ----------
    script
        A file in the directory that holds the package.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    root = Path(script).resolve().parent
    lines = "\n".join(f"{name} {_read_module(root / name, root)[0]}" for name in modules_of(script))
    memory().save()
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def modules_of(script: str | Path) -> list[str]:
    """Return the files that ``code_of`` counts for a script, sorted, relative to its directory."""
    path = Path(script).resolve()
    root = path.parent
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting.extend(_read_module(module, root)[1])
    return sorted(module.relative_to(root).as_posix() for module in seen)


@cache
def _read_module(module: Path, root: Path) -> tuple[str, tuple[Path, ...]]:
    facts = _facts_of(module)
    imported = tuple(dict.fromkeys(path for name in facts.imports for path in _files(name, root)))
    digest = hashlib.sha256(facts.digest.encode())
    for name in facts.data_files:
        file = module.parent / name
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest(), imported


def _facts_of(module: Path) -> Facts:
    try:
        return memory().facts_of(module.read_bytes())
    except SyntaxError as error:
        error.filename = str(module)
        raise


@cache
def _files(name: str, root: Path) -> list[Path]:
    """Return the files that an import of ``name`` runs."""
    parts = name.split(".")
    found = []
    for length in range(1, len(parts) + 1):
        place = root.joinpath(*parts[:length])
        candidates = (place / "__init__.py", place.with_suffix(".py"))
        found.extend(candidate for candidate in candidates if candidate.is_file())
    return found

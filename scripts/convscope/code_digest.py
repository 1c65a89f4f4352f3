"""The digest of the code that a script uses: it changes when the numbers may, not when words do."""

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = "convscope"


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
    tree = ast.parse(module.read_text(encoding="utf-8"), filename=str(module))
    imported = tuple(dict.fromkeys(_imports(tree, root)))
    data = _data_files(tree, module.parent)
    digest = hashlib.sha256(ast.unparse(_without_docstrings(tree)).encode())
    for file in data:
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest(), imported


def _imports(tree: ast.Module, root: Path) -> list[Path]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.append(node.module)
            names.extend(f"{node.module}.{alias.name}" for alias in node.names)
    found = []
    for name in names:
        parts = name.split(".")
        if parts[0] != PACKAGE:
            continue
        for length in range(1, len(parts) + 1):
            place = root.joinpath(*parts[:length])
            candidates = (place / "__init__.py", place.with_suffix(".py"))
            found.extend(candidate for candidate in candidates if candidate.is_file())
    return found


def _data_files(tree: ast.Module, folder: Path) -> list[Path]:
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Name) and t.id == "DATA_FILES" for t in targets):
                return [folder / name for name in ast.literal_eval(node.value)]
    return []


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:] or [ast.Pass()]
    return tree

"""What a module's source says, words aside; remembered by content, since every job asks for it."""

import ast
import hashlib
import json
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from convscope.files import write_text

PACKAGE = "convscope"
MOST = 5000
"""Texts that are remembered, before it starts afresh."""


class Facts(NamedTuple):
    """A digest of the statements, the names that are imported, the data files that are named."""

    digest: str
    imports: tuple[str, ...]
    data_files: tuple[str, ...]


class Memory:
    """Facts by the digest of the text that they come from, kept in a file between processes.

    The file only saves time: without it, or where it can't be written, the facts are found anew.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._new = False
        # Another Python may spell a tree in other words, another version of this module too.
        own = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
        self._version = f"{sys.version} {own}"
        self._facts: dict[str, Facts] = {}
        with suppress(OSError, ValueError, TypeError, KeyError):
            content = json.loads(file.read_text(encoding="utf-8"))
            if content["version"] == self._version and len(content["facts"]) < MOST:
                self._facts = {
                    key: Facts(digest, tuple(imports), tuple(files))
                    for key, (digest, imports, files) in content["facts"].items()
                }

    def facts_of(self, source: bytes) -> Facts:
        """Return what a text says."""
        key = hashlib.sha256(source).hexdigest()
        if key not in self._facts:
            self._facts[key] = read_facts(source)
            self._new = True
        return self._facts[key]

    def save(self) -> None:
        """Write what was found since the last call."""
        if self._new:
            self._new = False
            with suppress(OSError):
                write_text(self._file, json.dumps({"version": self._version, "facts": self._facts}))


@cache
def memory() -> Memory:
    """Return the memory beside this module, where Python keeps what it made of the sources."""
    return Memory(Path(__file__).parent / "__pycache__" / "code_facts.json")


def read_facts(source: bytes) -> Facts:
    """Return the facts of a module's text; its comments, docstrings and layout do not count."""
    tree = ast.parse(source)
    names, files = tuple(dict.fromkeys(_imports(tree))), tuple(_data_files(tree))
    statements = ast.unparse(_without_docstrings(tree))
    return Facts(hashlib.sha256(statements.encode()).hexdigest(), names, files)


def _imports(tree: ast.Module) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.append(node.module)
            names.extend(f"{node.module}.{alias.name}" for alias in node.names)
    return [name for name in names if name.split(".")[0] == PACKAGE]


def _data_files(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Name) and t.id == "DATA_FILES" for t in targets):
                return list(ast.literal_eval(node.value))
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

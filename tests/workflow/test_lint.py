"""The repository keeps its own rules: lint, format, sizes, pinned packages."""

import ast
import re
import subprocess
import sys

import pytest

from snakemake_runs import ROOT

SOURCES = [
    path
    for folder in ("scripts", "tests", "workflow", "envs")
    for suffix in ("*.py", "*.smk")
    for path in sorted((ROOT / folder).rglob(suffix))
]


def call(*command):
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "--no-cache", "."),
        ("ruff", "format", "--check", "--no-cache", "."),
        ("snakefmt", "--check", "Snakefile", "workflow"),
    ],
    ids=["ruff_check", "ruff_format", "snakefmt"],
)
def test_linters_are_content(command):
    status, text = call(sys.executable, "-m", *command)
    assert status == 0, text


def test_snakemake_lint_is_content(finished):
    outcome = finished.run("--lint")
    assert outcome.status == 0, outcome.text
    assert "Congratulations, your workflow is in a good condition!" in outcome.text


def test_pinned_packages_agree_with_the_conda_file():
    status, text = call(sys.executable, "envs/pin.py", "--check")
    assert status == 0, text


def test_requirements_are_exact_and_name_no_host():
    for file in sorted((ROOT / "envs").glob("requirements*.txt")):
        for line in file.read_text().splitlines():
            if line.startswith("#") or not line:
                continue
            assert re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.+]*|-r requirements\.txt", line), line


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short(path):
    assert len(path.read_text().splitlines()) < 300


@pytest.mark.parametrize("path", sorted((ROOT / "scripts").glob("*.py")), ids=lambda p: p.name)
def test_scripts_are_adapters(path):
    """Fewer than 40 lines of code: docstrings and empty lines left out."""
    text = path.read_text()
    docstring = ast.get_docstring(ast.parse(text), clean=False) or ""
    code = [line for line in text.replace(docstring, "").splitlines() if line.strip()]
    assert len(code) < 40


def test_functions_are_short():
    long = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in SOURCES
        if path.suffix == ".py" and path.is_relative_to(ROOT / "scripts")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and code_lines(node) > 40
    ]
    assert long == []


def code_lines(node):
    """Return the lines of a function's body, its docstring left out."""
    has_docstring = ast.get_docstring(node) is not None
    first = node.body[0].end_lineno if has_docstring else node.body[0].lineno - 1
    return node.end_lineno - first

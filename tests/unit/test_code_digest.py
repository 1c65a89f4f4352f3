"""The code digest: blind to words, awake to everything that may change a number."""

from pathlib import Path

import pytest

from convscope import code_digest
from convscope.code_digest import code_of, modules_of

FILES = {
    "convscope/__init__.py": '"""Package."""\n',
    "convscope/helper.py": "def double(x):\n    return 2 * x\n",
    "convscope/stage.py": "from convscope.helper import double\n\nDATA_FILES = ('table.tsv',)\n",
    "convscope/table.tsv": "a\tb\n",
    "convscope/other.py": "VALUE = 1\n",
    "convscope/deep/__init__.py": "",
    "convscope/deep/lazy.py": "def late():\n    from convscope import other\n    return other\n",
    "job.py": "from convscope.stage import double\n",
    "late.py": "import convscope.deep.lazy\n",
}


@pytest.fixture
def scripts(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def digest(folder: Path, script: str = "job.py") -> str:
    code_digest._read_module.cache_clear()
    return code_of(folder / script)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("convscope/helper.py", "# a comment\ndef double(x):\n    return 2 * x  # twice\n"),
        ("convscope/helper.py", 'def double(x):\n    """Return twice x."""\n    return 2 * x\n'),
        ("convscope/helper.py", "def double(\n    x,\n):\n    return 2 * x\n"),
        ("convscope/other.py", "VALUE = 2\n"),
        ("convscope/unrelated.py", "VALUE = 3\n"),
    ],
)
def test_words_layout_and_unrelated_modules_change_nothing(scripts, name, text):
    before = digest(scripts)
    (scripts / name).write_text(text)
    assert digest(scripts) == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("job.py", "from convscope.stage import double\nprint(double(1))\n"),
        ("convscope/helper.py", "def double(x):\n    return x + x\n"),
        ("convscope/table.tsv", "a\tc\n"),
        ("convscope/__init__.py", "SETTING = 1\n"),
    ],
)
def test_a_change_anywhere_in_the_used_code_is_seen(scripts, name, text):
    before = digest(scripts)
    (scripts / name).write_text(text)
    assert digest(scripts) != before


def test_imports_inside_functions_and_of_modules_from_packages_count(scripts):
    assert modules_of(scripts / "late.py") == [
        "convscope/__init__.py",
        "convscope/deep/__init__.py",
        "convscope/deep/lazy.py",
        "convscope/other.py",
        "late.py",
    ]


def test_the_place_of_the_repository_does_not_count(scripts, tmp_path):
    moved = tmp_path / "elsewhere"
    for name in FILES:
        (moved / name).parent.mkdir(parents=True, exist_ok=True)
        (moved / name).write_bytes((scripts / name).read_bytes())
    assert digest(moved) == digest(scripts)

"""Shortcuts of planning that change nothing but its time: the quick row check, remembered facts."""

import json
import random

import pytest

from convscope import code_facts
from convscope.code_facts import Memory, read_facts
from convscope.errors import UserError
from convscope.planning.schema import flat_and_valid, validated
from planning_toys import HEADER, ROOT

SCHEMA = ROOT / "workflow/schemas/images.schema.yaml"
TEXTS = ["cat", "cat.1", "..", "a b", "", "é", "0" * 64, "0" * 63, "G" * 64, "cat\n", "x" * 101]
SOURCE = b'"""Words."""\n\nimport convscope.files as f\nfrom convscope import errors\nimport os\n'


@pytest.mark.parametrize("seed", range(300))
def test_the_quick_row_check_says_what_the_schema_says(seed):
    chance = random.Random(seed)
    columns = chance.sample([*HEADER, "other"], chance.randint(0, 4))
    row = {column: chance.choice(TEXTS) for column in ["image", "source", *columns]}
    try:
        filled = validated(row, SCHEMA, "row 2")
    except UserError:
        assert not flat_and_valid(row, SCHEMA)
    else:
        assert flat_and_valid(row, SCHEMA)
        optional = ("label", "sha256", "variants", "right_eye", "left_eye", "nose")
        assert filled == {**dict.fromkeys(optional), **row}


def test_a_row_without_a_needed_column_does_not_pass():
    assert flat_and_valid({"image": "a", "source": "b"}, SCHEMA)
    assert not flat_and_valid({"image": "a"}, SCHEMA)


def test_a_schema_with_other_rules_is_left_to_the_whole_check(tmp_path):
    schema = tmp_path / "schema.yaml"
    for rule in ("{type: string, enum: [a]}", "{type: integer}", "{type: string, format: date}"):
        schema.write_text(f"required: [x]\nproperties:\n  x: {rule}\n# {rule}\n")
        code = {"x": "a"}
        assert not flat_and_valid(code, schema.rename(tmp_path / f"{hash(rule)}.yaml"))


def test_facts_are_remembered_by_content(tmp_path, monkeypatch):
    file = tmp_path / "made" / "facts.json"
    first = Memory(file)
    facts = first.facts_of(SOURCE)
    assert facts == read_facts(SOURCE)
    assert facts.imports == ("convscope.files", "convscope", "convscope.errors")
    first.save()
    monkeypatch.setattr(code_facts, "read_facts", lambda source: pytest.fail("read anew"))
    assert Memory(file).facts_of(SOURCE) == facts
    with pytest.raises(pytest.fail.Exception):
        Memory(file).facts_of(SOURCE + b"A = 1\n")


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"version": 1}', '{"facts": 3}'])
def test_a_damaged_or_old_memory_is_forgotten(tmp_path, damage):
    file = tmp_path / "facts.json"
    file.write_text(damage)
    assert Memory(file).facts_of(SOURCE) == read_facts(SOURCE)
    saved = Memory(file)
    saved.facts_of(SOURCE)
    saved.save()
    content = json.loads(file.read_text())
    (key,) = content["facts"]
    content["facts"][key][0] = "wrong"
    file.write_text(json.dumps(content))
    assert Memory(file).facts_of(SOURCE).digest == "wrong"
    file.write_text(json.dumps({**content, "version": "of another Python"}))
    assert Memory(file).facts_of(SOURCE) == read_facts(SOURCE)


def test_a_place_that_cannot_be_written_does_not_matter(tmp_path):
    (tmp_path / "file").write_text("")
    memory = Memory(tmp_path / "file" / "facts.json")
    memory.facts_of(SOURCE)
    memory.save()

"""Check plain data against a JSON schema, fill in its defaults, and say mistakes in plain words."""

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from convscope.errors import UserError
from convscope.planning.yaml_files import read_yaml

LONGEST_VALUE = 200
TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "a group of keys",
    "string": "text",
}


def validated(value: Any, schema_file: str | Path, where: str, part: str = "key") -> Any:
    """Return ``value`` with the schema's defaults filled in and whole numbers as ``int``.

    Parameters
    ----------
    value
        Plain data, as YAML gives it.
    schema_file
        A JSON schema (draft 2020-12) written in YAML.
    where
        Names the file for the message.
    part
        What the file calls an entry: a key, or a column.

    Raises
    ------
    UserError
        If anything does not fit; the deepest mistake is named by its key.
    """
    validator = _validator(Path(schema_file))
    plain = _plain(value, where)
    filled = _with_defaults(plain, validator.schema, validator.schema.get("$defs", {}))
    mistake = jsonschema.exceptions.best_match(validator.iter_errors(filled))
    if mistake is not None:
        raise _explained(_chosen(mistake), where, part)
    return filled


def flat_and_valid(value: Mapping[str, Any], schema_file: str | Path) -> bool:
    """Return whether texts by key are certainly as a schema asks for; quick, for long tables.

    It knows ``type``, ``pattern`` and ``minLength`` of texts. ``False`` may only mean that more is
    to be looked at: ``validated`` decides then, and names the mistake.
    """
    required, properties = _flat(Path(schema_file))
    return required <= value.keys() <= properties.keys() and all(
        isinstance(text, str) and properties[key](text) for key, text in value.items()
    )


def keys_of(schema_file: str | Path) -> list[str]:
    """Return the keys that a schema knows on its first level."""
    return list(_validator(Path(schema_file)).schema["properties"])


def suggestion(text: str, known: Iterable[str]) -> str:
    """Return ``Did you mean "x"?`` for close names, else the list of what is known."""
    names = sorted(known)
    close = difflib.get_close_matches(str(text), names, n=3, cutoff=0.6)
    if close:
        return f"Did you mean {' or '.join(repr(name) for name in close)}?"
    shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    return f"Known: {shown}."


@cache
def _validator(schema_file: Path) -> jsonschema.Draft202012Validator:
    schema = read_yaml(schema_file)
    return jsonschema.Draft202012Validator(schema)


@cache
def _flat(schema_file: Path) -> tuple[set[str], dict[str, Callable[[str], object]]]:
    schema = _validator(schema_file).schema
    checks = {key: _text_check(inner) for key, inner in schema["properties"].items()}
    return set(schema["required"]), checks


def _text_check(schema: Mapping[str, Any]) -> Callable[[str], object]:
    known = {"description", "default", "type", "pattern", "minLength"}
    if schema.keys() - known or "string" not in schema["type"]:
        return lambda text: False
    shortest = schema.get("minLength", 0)
    search = re.compile(schema.get("pattern", "")).search
    return lambda text: len(text) >= shortest and search(text)


def _plain(value: Any, where: str, key: str = "") -> Any:
    """Refuse what YAML reads in surprising ways and no JSON schema sees; 64.0 becomes 64."""
    place = f"{where}, key {key}" if key else where
    if isinstance(value, dict):
        for name in value:
            if not isinstance(name, str):
                raise UserError(
                    f"the key {name!r} is not text",
                    where=place,
                    remedy="YAML reads on, off, yes, no and numbers so: put the key in quotes.",
                )
        return {
            name: _plain(item, where, f"{key}.{name}" if key else name)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_plain(item, where, f"{key}.{index}") for index, item in enumerate(value)]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise UserError(f"{value} is not a finite number", where=place, remedy="Give a number.")
        return int(value) if value.is_integer() else value
    return value


def _with_defaults(value: Any, schema: Mapping, definitions: Mapping) -> Any:
    schema = _resolved(schema, value, definitions)
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties", {})
    filled = dict(value)
    for key, inner in properties.items():
        if key not in filled and "default" in inner:
            filled[key] = inner["default"]
    other = schema.get("additionalProperties")
    for key, item in filled.items():
        inner = properties.get(key, other if isinstance(other, dict) else {})
        filled[key] = _with_defaults(item, inner, definitions)
    return filled


def _resolved(schema: Mapping, value: Any, definitions: Mapping) -> Mapping:
    """Follow a ``$ref``, and an ``if``/``then`` that asks for the ``kind``."""
    if "$ref" in schema:
        return _resolved(definitions[schema["$ref"].rsplit("/", 1)[-1]], value, definitions)
    for option in schema.get("allOf", []):
        kind = option["if"]["properties"]["kind"]["const"]
        if isinstance(value, dict) and value.get("kind") == kind:
            return _resolved(option["then"], value, definitions)
    return schema


def _chosen(mistake: jsonschema.ValidationError) -> jsonschema.ValidationError:
    """Where a word or a group or list may stand, go on with the kind that the user wrote."""
    if mistake.validator == "oneOf" and isinstance(mistake.instance, dict | list):
        inner = [error for error in mistake.context if error.validator not in ("const", "enum")]
        return _chosen(inner[0])
    return mistake


def _explained(mistake: jsonschema.ValidationError, where: str, part: str) -> UserError:
    key = ".".join(str(step) for step in mistake.absolute_path)
    place = f"{where}, {part} {key}" if key else where
    if mistake.validator == "additionalProperties":
        known = mistake.schema.get("properties", {})
        unknown = sorted(set(mistake.instance) - set(known))[0]
        return UserError(
            f"unknown {part} {unknown!r}", where=place, remedy=suggestion(unknown, known)
        )
    description = mistake.schema.get("description", "").rstrip(".")
    hint = f"It is: {description}. " if description else ""
    if mistake.validator == "enum":
        hint += f"{suggestion(mistake.instance, map(str, mistake.validator_value))} "
    if mistake.validator == "type" and _is_number_in_letters(mistake):
        hint += "YAML reads it as text: write it without quotes and 1e-3 as 0.001 or 1.0e-3. "
    return UserError(_in_words(mistake, part), where=place, remedy=f"{hint}See config/README.md.")


def _in_words(mistake: jsonschema.ValidationError, part: str) -> str:
    shown = repr(mistake.instance)
    if len(shown) > LONGEST_VALUE:
        shown = f"{shown[:LONGEST_VALUE]}..."
    if mistake.validator == "type":
        wanted = mistake.validator_value
        types = [wanted] if isinstance(wanted, str) else wanted
        return f"{shown} is not {' or '.join(TYPES[name] for name in types)}"
    if mistake.validator == "required":
        missing = next(key for key in mistake.validator_value if key not in mistake.instance)
        return f"the {part} {missing!r} is missing"
    if mistake.validator in ("enum", "not", "oneOf", "pattern"):
        return f"{shown} is not allowed"
    return mistake.message


def _is_number_in_letters(mistake: jsonschema.ValidationError) -> bool:
    if mistake.validator_value not in ("integer", "number") or not isinstance(
        mistake.instance, str
    ):
        return False
    try:
        float(mistake.instance)
    except ValueError:
        return False
    return True

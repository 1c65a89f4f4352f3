"""The configuration: every mistake is named by its key, and the defaults have one source."""

import re

import pytest
import yaml

from convscope.errors import UserError
from convscope.planning.schema import suggestion, validated
from planning_toys import CONFIG, ROOT, merged, plan_of

SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
SHEET_SCHEMA = ROOT / "workflow/schemas/images.schema.yaml"
OWN_CONTENT = {"network_definitions", "sample_set_definitions", "variant_definitions", "base_urls"}
WORDS = {
    *("$ref", "description", "default", "type", "enum", "const", "oneOf", "allOf", "if", "then"),
    *("not", "properties", "additionalProperties", "propertyNames", "minProperties", "required"),
    *("items", "minItems", "maxItems", "uniqueItems", "minLength", "pattern"),
    *("minimum", "maximum", "exclusiveMinimum"),
}
EXPLICIT = "resize: 256, crop: 224, interpolation: bilinear, mean: [0.5, 0.5, 0.5]"

MISTAKES = {
    # Unknown and misspelt keys, at every level.
    "batch_sise: 3": ["'batch_sise'", "'batch_size'"],
    "features: {activation: float16}": ["key features", "'activation'", "'activations'"],
    "predictions: {tops: 5}": ["key predictions", "'top'"],
    "report: {image: 5}": ["key report", "'images'"],
    "training: {seeds: 5}": ["key training", "'seed'"],
    "network_definitions: {vgg16: {wieghts: X}}": ["network_definitions.vgg16", "'weights'"],
    "network_definitions: {spare: {architecture: vgg16}}": ["definitions.spare", "'weights'"],
    "network_definitions: {reference: {training: {seeds: 5}}}": ["definitions.reference", "'seed'"],
    "network_definitions: {vgg16: {training: {seed: 5}}}": ["vgg16.training", "'vgg16'"],
    f"network_definitions: {{vgg16: {{preprocessing: {{{EXPLICIT}, sdt: 1}}}}}}": [
        "'sdt'",
        "'std'",
    ],
    "sample_set_definitions: {photographs: {sheets: x}}": ["definitions.photographs", "'sheet'"],
    "sample_set_definitions: {mini_imagenet: {per_clas: 5}}": ["mini_imagenet", "'per_class'"],
    "sample_set_definitions: {scenes: {sed: 5}}": ["definitions.scenes", "'seed'"],
    "sample_set_definitions: {spare: {sheet: x}}": ["definitions.spare", "'kind'"],
    "sample_set_definitions: {spare: {kind: sheet}}": ["definitions.spare", "'sheet' is missing"],
    "variant_definitions: {rotated: {rotat: 3}}": ["variant_definitions.rotated", "'rotate'"],
    "pathvars: {results: elsewhere}": ["'pathvars'"],
    # Wrong types.
    "batch_size: '64'": ["key batch_size", "'64'", "whole number", "without quotes"],
    "batch_size: true": ["key batch_size", "True", "whole number"],
    "batch_size: 2.5": ["key batch_size", "2.5", "whole number"],
    "training: {learning_rate: 1e-3}": ["key training.learning_rate", "'1e-3'", "0.001"],
    "features: 3": ["key features", "group of keys"],
    "report: null": ["key report", "group of keys"],
    "networks: vgg16": ["key networks", "'vgg16' is not a list"],
    "networks: [1]": ["key networks.0", "1 is not text"],
    "experiment: 2024": ["key experiment", "2024 is not text"],
    "network_definitions: {vgg16: null}": ["definitions.vgg16", "None"],
    "network_definitions: {vgg16: {stored_layers: relu5_3}}": ["vgg16.stored_layers", "a list"],
    "sample_set_definitions: {mini_imagenet: {classes: [107]}}": ["mini_imagenet.classes.0", "107"],
    "sample_set_definitions: {mini_imagenet: {classes: ant}}": ["mini_imagenet.classes", "'ant'"],
    # Keys that YAML does not read as text.
    "on: 3": ["True", "in quotes"],
    "network_definitions: {on: {architecture: vgg16, weights: random}}": ["definitions", "True"],
    "variant_definitions: {1: {rotate: 3}}": ["key variant_definitions", "the key 1 is not text"],
    # Wrong ranges and choices.
    "batch_size: 0": ["key batch_size", "minimum of 1"],
    "batch_size: 5000": ["key batch_size", "maximum of 4096"],
    "predictions: {top: 11}": ["key predictions.top", "maximum of 10"],
    "report: {images: -1}": ["key report.images", "minimum of 0"],
    "training: {learning_rate: .nan}": ["key training.learning_rate", "not a finite number"],
    "training: {learning_rate: .inf}": ["key training.learning_rate", "not a finite number"],
    "features: {activations: float61}": ["features.activations", "'float61'", "'float16'"],
    "networks: []": ["key networks", "non-empty"],
    "networks: [vgg16, vgg16]": ["key networks", "non-unique"],
    "network_definitions: {vgg16: {seed: -1}}": ["vgg16.seed", "minimum of 0"],
    "network_definitions: {vgg16: {sha256: abc}}": ["vgg16.sha256", "'abc'", "64 digits"],
    "network_definitions: {vgg16: {preprocessing: weight}}": ["vgg16.preprocessing", "'weight'"],
    f"network_definitions: {{vgg16: {{preprocessing: {{{EXPLICIT}, std: [1, 1]}}}}}}": [
        "preprocessing.std",
        "too short",
    ],
    f"network_definitions: {{vgg16: {{preprocessing: {{{EXPLICIT}, std: [58, 57, 57]}}}}}}": [
        "preprocessing.std.0",
        "0..255",
    ],
    "sample_set_definitions: {mini_imagenet: {split: tset}}": ["mini_imagenet.split", "'test'"],
    "sample_set_definitions: {scenes: {condition: norml}}": ["scenes.condition", "'normal'"],
    "sample_set_definitions: {photographs: {kind: sheets}}": ["photographs.kind", "'sheet'"],
    "variant_definitions: {rotated: {rotate: 3000}}": ["rotated.rotate", "maximum of 360"],
    "variant_definitions: {rotated: {fill: gray}}": ["rotated.fill", "'gray'", "'grey'"],
    "variant_definitions: {spare: {}}": ["variant_definitions.spare", "non-empty"],
    "variant_definitions: {normal: {rotate: 3}}": ["'normal'", "built in"],
    "variant_definitions: {spare: {occlude: centre}}": ["spare", "size", "1 to 224"],
    # Names.
    "experiment: shared": ["key experiment", "'shared'", "letters"],
    "experiment: My run": ["key experiment", "'My run'", "small letters"],
    'experiment: "run\\n"': ["key experiment", "small letters"],
    "experiment: ../run": ["key experiment", "'../run'"],
    "network_definitions: {a/b: {architecture: vgg16, weights: random}}": ["'a/b'", "letters"],
    "sample_set_definitions: {a-b: {kind: scenes}}": ["'a-b'", "small letters"],
    "variant_definitions: {a b: {rotate: 3}}": ["'a b'", "small letters"],
    # Addresses.
    "base_urls: {photographs: 'ftp://example.org/x'}": ["base_urls.photographs", "http"],
    "base_urls: {weights: 'https://example.org/x/'}": ["base_urls.weights", "slash"],
    "base_urls: {weights: null}": ["base_urls.weights", "None"],
}


@pytest.mark.parametrize("overlay", MISTAKES)
def test_a_mistake_is_refused_by_its_key(overlay):
    with pytest.raises(UserError) as refusal:
        plan_of(overlay)
    for word in MISTAKES[overlay]:
        assert word in str(refusal.value)


def test_the_message_names_the_overlays_too(tmp_path):
    with pytest.raises(UserError, match=r"config/config\.yaml \+ mine\.yaml: unknown key"):
        validated({"experiment": "a", "neworks": []}, SCHEMA, "config/config.yaml + mine.yaml")


def test_a_whole_number_with_a_point_is_a_whole_number():
    checked = validated(
        merged("{batch_size: 8.0, variant_definitions: {big: {scale: 2.0}}}"), SCHEMA, ""
    )
    assert repr(checked["batch_size"]) == "8"
    assert repr(checked["variant_definitions"]["big"]["scale"]) == "2"


def test_long_values_are_cut_in_messages():
    with pytest.raises(UserError) as refusal:
        validated({"experiment": ["x" * 10_000]}, SCHEMA, "config")
    assert len(str(refusal.value)) < 600


def test_suggestions():
    assert suggestion("jelyfish", ["jellyfish", "lion"]) == "Did you mean 'jellyfish'?"
    assert suggestion("xyz", ["b", "a"]) == "Known: a, b."


def defaults(schema, definitions, path=()):
    """Yield the path and the default of every key that has one."""
    if "$ref" in schema:
        yield from defaults(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions, path)
    for key, inner in schema.get("properties", {}).items():
        below = list(defaults(inner, definitions, (*path, key)))
        yield from below
        if "default" in inner and not below:
            yield (*path, key), inner["default"]


def test_config_yaml_holds_the_defaults_of_the_schema():
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    found = dict(defaults(schema, schema["$defs"]))
    assert {path[0] for path in found} == set(schema["properties"])
    assert set(config) == set(schema["properties"])
    for path, default in found.items():
        if path[0] not in OWN_CONTENT:
            value = config
            for key in path:
                value = value[key]
            assert (path, value) == (path, default)


def test_config_yaml_needs_no_default():
    config = merged()
    checked = validated(config, SCHEMA, "config")
    for key in set(config) - OWN_CONTENT:
        assert checked[key] == config[key], key


def keys(schema, path=""):
    """Yield path and schema of every key."""
    for word, inner in schema.items():
        if word in ("properties", "$defs"):
            for key, value in inner.items():
                yield from [(f"{path}.{key}", value)] if word == "properties" else []
                yield from keys(value, f"{path}.{key}")
        elif isinstance(inner, dict) and word != "default":
            yield from keys(inner, path)
        elif isinstance(inner, list):
            for item in inner:
                yield from keys(item, path) if isinstance(item, dict) else []


@pytest.mark.parametrize("file", [SCHEMA, SHEET_SCHEMA], ids=lambda file: file.stem)
def test_every_key_has_a_description(file):
    schema = yaml.safe_load(file.read_text(encoding="utf-8"))
    # What stands under "if" asks for a key and doesn't define it.
    found = [(path, inner) for path, inner in keys(schema) if list(inner) != ["const"]]
    assert len(found) > 4
    assert not [path for path, inner in found if not inner.get("description")]


@pytest.mark.parametrize("file", [SCHEMA, SHEET_SCHEMA], ids=lambda file: file.stem)
def test_the_schema_uses_words_of_json_schema_only(file):
    # {description: Degrees, anticlockwise} reads as two keys.
    schema = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert not {word for _, inner in keys(schema) for word in inner} - WORDS


@pytest.mark.parametrize("file", [SCHEMA, SHEET_SCHEMA], ids=lambda file: file.stem)
def test_every_key_is_explained_in_the_readme(file):
    text = (ROOT / "config/README.md").read_text(encoding="utf-8")
    code = " ".join(re.findall(r"`([^`]+)`", text))
    named = {*re.findall(r"\w+", code), *re.findall(r"^\| (\w+) \|", text, re.M)}
    schema = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert {path.rsplit(".", 1)[-1] for path, _ in keys(schema)} <= named

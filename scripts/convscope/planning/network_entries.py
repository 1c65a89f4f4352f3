"""What a network of the run is: architecture, weights, classes, preprocessing, layers; no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from convscope.classes.lists import BUILT_IN, ClassList, class_list, scene_class_list
from convscope.errors import UserError
from convscope.networks.architectures import (
    Architecture,
    accepted_architecture,
    resolve_layer,
    resolve_weights,
)
from convscope.networks.reference_layers import REFERENCE, reference_architecture
from convscope.networks.training_settings import checked
from convscope.planning.places import at_place
from convscope.planning.sample_sets import scene_classes
from convscope.planning.schema import suggestion, validated
from convscope.scenes.names import SCENES_MEAN, SCENES_STD

IMAGENET_PREPROCESSING = {
    "resize": 256,
    "crop": 224,
    "interpolation": "bilinear",
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}
SCENES_PREPROCESSING = {
    "resize": 224,
    "crop": 224,
    "interpolation": "bilinear",
    "mean": list(SCENES_MEAN),
    "std": list(SCENES_STD),
}


@dataclass(frozen=True)
class Weights:
    """Where a network's weights come from.

    ``sha256`` is the whole digest or, for torchvision's weights, as much as is known of it.
    """

    kind: Literal["published", "file", "random", "trained"]
    title: str
    place: str = ""
    sha256: str | None = None
    seed: int = 0
    training: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Network:
    """A network of the run, checked."""

    name: str
    architecture: Architecture
    weights: Weights
    classes: ClassList
    preprocessing: Mapping[str, Any]
    sample_sets: tuple[str, ...]
    stored_layers: tuple[str, ...]
    reference: Mapping[str, Any] | None
    notes: tuple[str, ...]

    @property
    def geometry(self) -> dict[str, Any]:
        """The part of the preprocessing that is done once and stored."""
        return {key: self.preprocessing[key] for key in ("resize", "crop", "interpolation")}


def plan_network(
    name: str,
    entry: Mapping[str, Any],
    *,
    config: Mapping[str, Any],
    repository: Path,
) -> Network:
    """Return a network of ``network_definitions`` after checking all that needs no weights.

    Raises
    ------
    UserError
        If the architecture, the weights, a layer, the classes or the preprocessing don't fit.
    """
    where = f"config key network_definitions.{name}"
    training = training_of(name, entry, config=config, repository=repository)
    entry = {**entry, **_paths(entry, repository)}
    classes = _classes(entry, training, where)
    architecture = _architecture(entry, training, len(classes), repository, where)
    weights = _weights(entry, architecture, training, config, where)
    preprocessing, notes = _preprocessing(entry, architecture, weights, where)
    with at_place(f"{where}.stored_layers"):
        stored = {resolve_layer(architecture, text).name for text in entry["stored_layers"]}
    return Network(
        name=name,
        architecture=architecture,
        weights=weights,
        classes=classes,
        preprocessing=preprocessing,
        sample_sets=_sample_sets(entry, config, where),
        stored_layers=tuple(sorted(stored)),
        reference={key: training[key] for key in ("widths", "hidden")} if training else None,
        notes=notes,
    )


def training_of(
    name: str, entry: Mapping[str, Any], *, config: Mapping[str, Any], repository: Path
) -> dict[str, Any] | None:
    """Return the checked training settings of a reference network; ``None`` for another network.

    Raises
    ------
    UserError
        If a key or value doesn't fit, or if the network is not one that the workflow trains.
    """
    where = f"config key network_definitions.{name}"
    if entry["architecture"] != REFERENCE:
        if entry["training"]:
            raise UserError(
                f"the architecture {entry['architecture']!r} is not trained by the workflow",
                where=f"{where}.training",
                remedy="Take the key out; only the architecture 'reference' is trained.",
            )
        return None
    merged = {**config["training"], **entry["training"]}
    filled = validated(
        {**config, "training": merged},
        repository / "workflow/schemas/config.schema.yaml",
        where,
    )["training"]
    classes = list(scene_classes(filled["classes"], f"{where}.training"))
    return dict(checked({**filled, "classes": classes}))


def _architecture(
    entry: Mapping[str, Any],
    training: Mapping[str, Any] | None,
    classes: int,
    repository: Path,
    where: str,
) -> Architecture:
    if entry["weights"] == "trained" and training is None:
        raise UserError(
            f"weights 'trained' with architecture {entry['architecture']!r}",
            where=where,
            remedy="Only the architecture 'reference' is trained by the workflow.",
        )
    if training is not None:
        return reference_architecture(training["widths"], classes, training["hidden"])
    table = repository / "workflow/architectures"
    with at_place(f"{where}.architecture"):
        return accepted_architecture(table, entry["architecture"]).with_classes(classes)


def _weights(
    entry: Mapping[str, Any],
    architecture: Architecture,
    training: Mapping[str, Any] | None,
    config: Mapping[str, Any],
    where: str,
) -> Weights:
    text = entry["weights"]
    if text == "trained" and training is not None:
        return Weights("trained", f"trained on scenes, seed {training['seed']}", training=training)
    if text == "random":
        return Weights("random", f"random, seed {entry['seed']}", seed=entry["seed"])
    if text == "DEFAULT" or text in architecture.weights:
        return _published_weights(entry, architecture, config, where)
    path = Path(text)
    if path.suffix not in (".pth", ".pt", ".safetensors"):
        raise UserError(
            f"unknown weights {text!r}",
            where=f"{where}.weights",
            remedy=f"{suggestion(text, [*architecture.weights, 'random', 'trained'])} "
            "Or give the path of a .safetensors or .pth file.",
        )
    if not path.is_file():
        raise UserError(
            f"the weights file {path} is missing",
            where=f"{where}.weights",
            remedy="Paths in the config are relative to the working directory.",
        )
    return Weights("file", path.name, str(path), entry["sha256"])


def _published_weights(
    entry: Mapping[str, Any], architecture: Architecture, config: Mapping[str, Any], where: str
) -> Weights:
    with at_place(f"{where}.weights"):
        title, known = resolve_weights(architecture, entry["weights"])
    if known["classes"] is None:
        others = [name for name, facts in architecture.weights.items() if facts["classes"]]
        raise UserError(
            f"the weights {title} are without a classifier",
            where=f"{where}.weights",
            remedy=f"Choose others: {', '.join([*others, 'random'])}.",
        )
    if known["classes"] != architecture.classes:
        raise UserError(
            f"the weights {title} have {known['classes']} classes, the list {entry['classes']!r} "
            f"has {architecture.classes}",
            where=f"{where}.classes",
            remedy="Give the list that the weights were trained on (classes: imagenet).",
        )
    return Weights(
        "published",
        f"torchvision {title}",
        f"{config['base_urls']['weights']}/{known['file']}",
        entry["sha256"] or known["sha256"] or known["sha256_prefix"],
    )


def _preprocessing(
    entry: Mapping[str, Any], architecture: Architecture, weights: Weights, where: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    chosen = entry["preprocessing"]
    notes: tuple[str, ...] = ()
    if isinstance(chosen, Mapping):
        found = dict(chosen)
    elif chosen == "scenes" or (chosen == "weights" and weights.kind == "trained"):
        found = SCENES_PREPROCESSING
    elif chosen == "weights" and weights.kind == "published":
        known = resolve_weights(architecture, entry["weights"])[1]
        found = {key: known[key] for key in IMAGENET_PREPROCESSING}
    else:
        found = IMAGENET_PREPROCESSING
        if chosen == "weights":
            notes = ("The weights name no input transform: torchvision's ImageNet one is used.",)
    if found["crop"] != 224 or found["resize"] < 224:
        raise UserError(
            f"its input is {found['crop']} pixels wide (resize {found['resize']})",
            where=f"{where}.preprocessing",
            remedy="Only 224x224 inputs are accepted: choose other weights or a preprocessing with "
            "crop: 224 and resize: 224 or more.",
        )
    return found, notes


def _paths(entry: Mapping[str, Any], repository: Path) -> dict[str, str]:
    keys = ("weights", "classes")
    return {key: entry[key].replace("{repository}", str(repository)) for key in keys}


def _classes(entry: Mapping[str, Any], training: Mapping[str, Any] | None, where: str) -> ClassList:
    if entry["weights"] == "trained" and training is not None:
        return scene_class_list(tuple(training["classes"]))
    name = entry["classes"]
    if name not in BUILT_IN and not Path(name).is_file():
        raise UserError(
            f"{name!r} is neither a list of classes nor a file",
            where=f"{where}.classes",
            remedy=f"{suggestion(name, BUILT_IN)} Or give the path of a TSV with the columns "
            "index, name, wnid, relative to the working directory.",
        )
    with at_place(f"{where}.classes"):
        return class_list(name)


def _sample_sets(
    entry: Mapping[str, Any], config: Mapping[str, Any], where: str
) -> tuple[str, ...]:
    chosen: Sequence[str] | None = entry["sample_sets"]
    if chosen is None:
        return tuple(config["sample_sets"])
    for text in chosen:
        if text not in config["sample_set_definitions"]:
            raise UserError(
                f"unknown sample set {text!r}",
                where=f"{where}.sample_sets",
                remedy=suggestion(text, config["sample_set_definitions"]),
            )
    seen = tuple(text for text in config["sample_sets"] if text in chosen)
    if not seen:
        raise UserError(
            f"it looks at none of the run's sample sets ({', '.join(config['sample_sets'])})",
            where=f"{where}.sample_sets",
            remedy="Add one of them, or take the network out of the config key networks.",
        )
    return seen

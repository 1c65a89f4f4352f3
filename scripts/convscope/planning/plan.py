"""The plan of a run: networks, images, batches and where everything lies; no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from convscope.digests import settings_digest
from convscope.errors import UserError
from convscope.planning.batches import batch_name, cut_batches
from convscope.planning.image_checks import check_images, check_variants
from convscope.planning.network_entries import Network, plan_network, training_of
from convscope.planning.rule_settings import weights_digest
from convscope.planning.sample_sets import SampleSet, plan_sample_set
from convscope.planning.schema import suggestion, validated
from convscope.planning.yaml_files import read_yaml
from convscope.predictions.labels import resolve_labels
from convscope.variants.definitions import check_definitions, definition_of


@dataclass(frozen=True)
class Batch:
    """Images that one job works on."""

    name: str
    sample_set: str
    ids: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """Everything that is decided before a job runs; paths are relative to the working directory."""

    config: Mapping[str, Any]
    repository: Path
    networks: Mapping[str, Network]
    sample_sets: Mapping[str, SampleSet]
    batches: Mapping[str, Batch]

    @property
    def results(self) -> str:
        """The folder of this experiment."""
        return f"results/{self.config['experiment']}"

    @cached_property
    def geometries(self) -> dict[str, dict[str, Any]]:
        """Distinct preprocessings (resize, crop, interpolation) by their digest."""
        return {geometry_name(n.geometry): n.geometry for n in self.networks.values()}

    @cached_property
    def variants(self) -> dict[str, dict[str, Any]]:
        """Definitions of the variants that the run uses, in the order of the config."""
        used = {v for s in self.sample_sets.values() for i in s.images.values() for v in i.variants}
        order = list(dict.fromkeys([*self.config["variants"], *sorted(used)]))
        definitions = self.config["variant_definitions"]
        return {name: definition_of(name, definitions) for name in order if name in used}

    @cached_property
    def weights_digests(self) -> dict[str, str]:
        """What the weights of each network are named by."""
        return {name: weights_digest(network) for name, network in self.networks.items()}

    def identity(self, network: Network) -> dict[str, Any]:
        """Return what a network is, as params."""
        return {
            "architecture": network.architecture.name,
            "classes": len(network.classes),
            "reference": network.reference,
            "weights_digest": self.weights_digests[network.name],
        }

    def seeing(self, network: Network) -> dict[str, Any]:
        """Return what a network is and how it normalises images, as params."""
        scale = {key: list(network.preprocessing[key]) for key in ("mean", "std")}
        return {**self.identity(network), **scale}

    def pairs(self) -> list[tuple[Network, Batch]]:
        """Which network looks at which batch, in canonical order."""
        return [
            (network, batch)
            for network in self.networks.values()
            for batch in self.batches.values()
            if batch.sample_set in network.sample_sets
        ]

    def choice(self, network: Network, own: str, shared: str) -> tuple[Any, str]:
        """Return what a network's entry chooses, or else a method's section, and the config key.

        Parameters
        ----------
        network
            Of the run.
        own
            A key of its entry, which is null where the network has no choice of its own.
        shared
            The key for all networks, ``section.key``.
        """
        chosen = self.config["network_definitions"][network.name][own]
        if chosen is not None:
            return chosen, f"network_definitions.{network.name}.{own}"
        section, key = shared.split(".")
        return self.config[section][key], shared

    def variants_of(self, batch: Batch, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return definition and images of every variant that some images of a batch have."""
        images = self.sample_sets[batch.sample_set].images
        variants = {}
        for name, definition in self.variants.items():
            members = [image for image in ids if name in images[image].variants]
            if members:
                variants[name] = {"definition": definition, "images": members}
        return variants

    def labels_of(self, network: Network, batch: Batch, ids: Sequence[str]) -> list[int | None]:
        """Return the class of each image; None without a label, or with one of no class."""
        images = self.sample_sets[batch.sample_set].images
        texts = {i: label for i in ids if (label := images[i].label) is not None}
        known = resolve_labels(texts, {network.name: network.classes})
        return [known[image][network.name] if image in known else None for image in ids]

    def images_file(self, network: Network, batch: Batch) -> str:
        """Return the prepared images of a batch in the geometry that a network asks for."""
        return f"{self.results}/images/{geometry_name(network.geometry)}/{batch.name}/images.h5"

    def features_file(self, network: Network, batch: Batch) -> str:
        """Return the features of a batch."""
        return f"{self.results}/features/{network.name}/{batch.name}/features.h5"


def geometry_name(geometry: Mapping[str, Any]) -> str:
    """Return the name of a preprocessing's folder: a digest of it."""
    return settings_digest(geometry, 12)


def make_plan(config: Mapping[str, Any], overlays: list[Path], repository: Path) -> Plan:
    """Check a configuration and everything it names, and return the plan.

    Parameters
    ----------
    config
        The merged configuration.
    overlays
        Config files given on the command line.
    repository
        The root of the repository.

    Raises
    ------
    UserError
        For the first thing that does not fit.
    """
    checked = _checked(config, overlays, repository)
    networks = {
        name: plan_network(
            name, checked["network_definitions"][name], config=checked, repository=repository
        )
        for name in checked["networks"]
    }
    sample_sets = {
        name: plan_sample_set(
            name,
            checked["sample_set_definitions"][name],
            variants=checked["variants"],
            base_urls=checked["base_urls"],
            repository=repository,
            sheet_schema=repository / "workflow/schemas/images.schema.yaml",
        )
        for name in checked["sample_sets"]
    }
    batches = _cut(sample_sets, checked["batch_size"])
    check_images(networks, sample_sets, checked["variant_definitions"])
    return Plan(checked, repository, networks, sample_sets, batches)


def _checked(config: Mapping[str, Any], overlays: list[Path], repository: Path) -> dict[str, Any]:
    """Check all that is in the configuration itself, used or not; fill in defaults."""
    files = ["config/config.yaml", *(str(path) for path in overlays)]
    schema = repository / "workflow/schemas/config.schema.yaml"
    checked = validated(dict(config), schema, " + ".join(files))
    _refuse_nameless_overlays(overlays, repository)
    for key in ("networks", "sample_sets"):
        _known(checked[key], checked[f"{key[:-1]}_definitions"], key)
    check_definitions(checked["variant_definitions"])
    check_variants(checked["variants"], checked["variant_definitions"], "config key variants")
    for name, entry in checked["network_definitions"].items():
        training_of(name, entry, config=checked, repository=repository)
    return checked


def _refuse_nameless_overlays(overlays: list[Path], repository: Path) -> None:
    default = (repository / "config/config.yaml").resolve()
    for overlay in overlays:
        if overlay.resolve() == default:
            continue
        main = read_yaml(default)["experiment"]
        content = read_yaml(overlay) or {}
        given = content.get("experiment")
        if given is None or given == main:
            raise UserError(
                f"its experiment is {main!r}, that of {default}"
                if given
                else "it has no key 'experiment'",
                where=str(overlay),
                remedy="Give it a name of its own (experiment: my_name), so that its results do "
                "not mix with another experiment's.",
            )


def _known(chosen: list[str], defined: Mapping[str, Any], key: str) -> None:
    for name in chosen:
        if name not in defined:
            raise UserError(
                f"{name!r} is not defined",
                where=f"config key {key}",
                remedy=suggestion(name, defined),
            )


def _cut(sample_sets: Mapping[str, SampleSet], size: int) -> dict[str, Batch]:
    batches = {}
    for sample_set in sample_sets.values():
        for ids in cut_batches(sample_set.images, size):
            name = batch_name(sample_set.name, ids)
            batches[name] = Batch(name, sample_set.name, ids)
    return batches

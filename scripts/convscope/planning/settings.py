"""Inputs and params of every rule, by wildcards: all that the rules ask of the plan."""

import shlex
from functools import cached_property
from pathlib import Path
from typing import Any

from convscope.digests import settings_digest
from convscope.fetching.mini_imagenet_index import MINI_IMAGENET
from convscope.planning.deconvnet import DeconvnetSettings
from convscope.planning.fetch_groups import FetchGroup
from convscope.planning.image_sources import batch_groups, batch_inputs, batch_sources
from convscope.planning.invariance import InvarianceSettings
from convscope.planning.inversion import InversionSettings
from convscope.planning.maximisation import MaximisationSettings
from convscope.planning.network_entries import Network
from convscope.planning.occlusion import OcclusionSettings
from convscope.planning.paths import SHARED
from convscope.planning.plan import Plan
from convscope.planning.reporting import DOWNLOADS, report_settings, tabulate_settings
from convscope.planning.rule_settings import rule_settings, weights_settings


class Settings:
    """Answers the rules' questions; wildcards in, paths or plain dicts out."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.deconvnet = DeconvnetSettings(plan)
        self.occlusion = OcclusionSettings(plan)
        self.invariance = InvarianceSettings(plan)
        self.maximisation = MaximisationSettings(plan)
        self.inversion = InversionSettings(plan)

    def targets(self) -> list[str]:
        """Return what the run makes, beside the report's first page."""
        methods = (
            *(self.deconvnet, self.occlusion, self.invariance),
            *(self.maximisation, self.inversion),
        )
        return [target for method in methods for target in method.targets()]

    @cached_property
    def _by_weights(self) -> dict[str, Network]:
        digests = self.plan.weights_digests
        return {digests[name]: network for name, network in self.plan.networks.items()}

    @cached_property
    def _downloads(self) -> dict[str, Network]:
        published = (n for n in self.plan.networks.values() if n.weights.kind == "published")
        return {_download_digest(network): network for network in published}

    @cached_property
    def _groups(self) -> dict[str, FetchGroup]:
        batches = self.plan.batches.values()
        return {group.digest: group for b in batches for group in batch_groups(self.plan, b)}

    @cached_property
    def own_files(self) -> frozenset[str]:
        """The images and weights that the user gave as files."""
        images = (i for s in self.plan.sample_sets.values() for i in s.images.values())
        given = [*(i.source for i in images), *(n.weights for n in self.plan.networks.values())]
        return frozenset(one.place for one in given if one.kind == "file")

    # What is fetched: command-line arguments, because fetch rules are shell rules.

    def fetch_images(self, group: str) -> str:
        """Return the arguments of ``fetch_images``."""
        return self._groups[group].arguments

    def fetch_mini_imagenet(self, revision: str, split: str, row_group: str) -> str:
        """Return the arguments of ``fetch_mini_imagenet``."""
        endpoint = self.plan.config["base_urls"]["mini_imagenet"]
        arguments = {
            "--endpoint": endpoint,
            "--repository": MINI_IMAGENET.repository,
            "--revision": revision,
            "--split": split,
            "--row-group": row_group,
        }
        return shlex.join(part for pair in arguments.items() for part in pair)

    def fetch_weights(self, digest: str) -> str:
        """Return the arguments of ``fetch_weights``."""
        weights = self._downloads[digest].weights
        known = weights.sha256 or ""
        key = "--sha256" if len(known) == 64 else "--sha256-prefix"
        return shlex.join(["--url", weights.place, key, known])

    # Networks.

    def weights(self, digest: str) -> dict[str, Any]:
        """Return the params of the rule that makes a weights file."""
        return weights_settings(self._by_weights[digest])

    def weights_source(self, digest: str) -> str:
        """Return the file that ``convert_weights`` reads."""
        network = self._by_weights[digest]
        if network.weights.kind == "published":
            return f"{SHARED}/weights/fetched/{_download_digest(network)}/weights.pth"
        return network.weights.place

    def weights_file(self, network: str) -> str:
        """Return the weights file of a network."""
        chosen = self.plan.networks[network]
        stages = {"published": "converted", "file": "converted"}
        stage = stages.get(chosen.weights.kind, chosen.weights.kind)
        return f"{SHARED}/weights/{stage}/{self.plan.weights_digests[network]}/weights.safetensors"

    def checkpoints_file(self, network: str) -> str:
        """Return the weights of the kept epochs of a trained network."""
        return str(Path(self.weights_file(network)).with_name("checkpoints.safetensors"))

    def training_threads(self, digest: str) -> int:
        """Return the threads that a training is pinned to."""
        return (self._by_weights[digest].weights.training or {})["threads"]

    def check_network(self, network: str) -> dict[str, Any]:
        """Return the params of ``check_network``."""
        chosen = self.plan.networks[network]
        return rule_settings(
            "check_network",
            **self.plan.identity(chosen),
            layers=[layer.settings for layer in chosen.architecture.layers],
            preprocessing=dict(chosen.preprocessing),
            notes=list(chosen.notes),
        )

    def checks(self) -> list[str]:
        """Return what ``check_network`` writes for each network."""
        return [f"{self.plan.results}/networks/{name}/check.json" for name in self.plan.networks]

    # Images.

    def draw_scenes(self, batch: str) -> dict[str, Any]:
        """Return the params of ``draw_scenes``."""
        chosen = self.plan.batches[batch]
        sample_set = self.plan.sample_sets[chosen.sample_set]
        return rule_settings(
            "draw_scenes",
            ids=[sample_set.images[image].source.place for image in chosen.ids],
            scenes={key: sample_set.settings[key] for key in ("seed", "condition")},
        )

    def image_inputs(self, batch: str) -> list[str]:
        """Return the files that ``prepare_images`` reads."""
        return batch_inputs(self.plan, self.plan.batches[batch])

    def prepare_images(self, preprocessing: str, batch: str) -> dict[str, Any]:
        """Return the params of ``prepare_images``."""
        return rule_settings(
            "prepare_images",
            sources=batch_sources(self.plan, self.plan.batches[batch]),
            geometry=self.plan.geometries[preprocessing],
        )

    # Features.

    def images_file(self, network: str, batch: str) -> str:
        """Return the prepared images that a network looks at."""
        return self.plan.images_file(self.plan.networks[network], self.plan.batches[batch])

    def features_files(self) -> list[str]:
        """Return the features of all pairs of network and batch."""
        return [self.plan.features_file(network, batch) for network, batch in self.plan.pairs()]

    def extract_features(self, network: str, batch: str) -> dict[str, Any]:
        """Return the params of ``extract_features``."""
        chosen = self.plan.networks[network]
        chosen_batch = self.plan.batches[batch]
        stored = list(chosen.stored_layers)
        # Where nothing is stored, the type that the config names changes nothing.
        activations = self.plan.config["features"]["activations"] if stored else "float32"
        return rule_settings(
            "extract_features",
            **self.plan.seeing(chosen),
            stored_layers=stored,
            activations=activations,
            variants=self.plan.variants_of(chosen_batch, chosen_batch.ids),
        )

    # Tables and pages.

    def tabulate_predictions(self) -> dict[str, Any]:
        """Return the params of ``tabulate_predictions``."""
        return rule_settings("tabulate_predictions", **tabulate_settings(self.plan))

    def report_downloads(self) -> list[str]:
        """Return the files that the report links to."""
        return [f"{self.plan.results}/predictions/{name}" for _, name in DOWNLOADS]

    def report_images(self) -> list[str]:
        """Return prepared images of every batch, in the first geometry that shows it."""
        first = {
            batch.name: self.plan.images_file(network, batch)
            for network, batch in reversed(self.plan.pairs())
        }
        return [first[name] for name in self.plan.batches]

    def build_report(self) -> dict[str, Any]:
        """Return the params of ``build_report``."""
        return rule_settings("build_report", **report_settings(self.plan))


def _download_digest(network: Network) -> str:
    return settings_digest({"url": network.weights.place, "sha256": network.weights.sha256})

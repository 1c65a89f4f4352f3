"""Inputs and params of the rules of the deconvnet: projections, controls, ranks, mosaics."""

from typing import Any

from convscope.deconvnet.class_layer import class_layer, is_globally_pooled
from convscope.errors import UserError
from convscope.networks.architectures import Architecture, Layer, resolve_layer
from convscope.planning.choices import chosen_layers
from convscope.planning.methods import MethodSettings
from convscope.planning.network_entries import Network
from convscope.planning.places import at_place
from convscope.planning.plan import Batch
from convscope.planning.reporting import class_settings, page_settings
from convscope.planning.rule_settings import rule_settings
from convscope.variants.definitions import NORMAL

HOW = ("rule", "unpooling", "storage")
"""Keys of the config that decide how a signal goes down and how it is stored."""


class DeconvnetSettings(MethodSettings):
    """Answers the questions of the deconvnet's rules; wildcards in, paths or plain dicts out.

    Raises
    ------
    UserError
        If the method is chosen, and a layer, channel, image or number of channels does not fit.
    """

    method = "deconvnet"

    def _check(self) -> None:
        for network in self.plan.networks.values():
            self._mosaic_channels(network)
            self._layers(network)
        self.targets()

    # What is looked at.

    def _layers(self, network: Network) -> list[Layer]:
        choice, key = self.plan.choice(network, "projected_layers", "deconvnet.layers")
        layers = chosen_layers(network.architecture, choice, f"config key {key}")
        for layer in layers:
            if layer.channels < self.config["top"] and not layer.counts_classes:
                raise UserError(
                    f"{self.config['top']} channels are asked for, and layer {layer.name} of "
                    f"{network.name} has {layer.channels}",
                    where="config key deconvnet.top",
                    remedy=f"Set it to {layer.channels} or less, or leave the layer out of {key}.",
                )
        return layers

    def _mosaic_channels(self, network: Network) -> dict[str, list[int]]:
        """Return the channels that the config names, by layer."""
        named = self.plan.config["network_definitions"][network.name]["mosaic_channels"]
        where = f"config key network_definitions.{network.name}.mosaic_channels"
        found = {}
        for text, channels in named.items():
            layer = _projected(network.architecture, text, self._layers(network), where)
            if max(channels) >= layer.channels:
                raise UserError(
                    f"layer {text} has no channel {max(channels)}",
                    where=where,
                    remedy=f"Its channels are 0 to {layer.channels - 1}.",
                )
            found[layer.name] = sorted(channels)
        return found

    def _file(self, network: str, *parts: str) -> str:
        return "/".join([self.plan.results, "deconvnet", network, *parts])

    def _batches(self, network: str) -> list[Batch]:
        return [batch for chosen, batch in self.plan.pairs() if chosen.name == network]

    # Units of single images.

    def project_features(self, network: str, batch: str) -> dict[str, Any]:
        """Return the params of ``project_features``."""
        chosen = self.plan.networks[network]
        ids = self._ids(self.plan.batches[batch])
        return rule_settings(
            "project_features",
            **self._shared(chosen),
            image_ids=ids,
            variants=self.plan.variants_of(self.plan.batches[batch], ids),
            explained_from=_explained_from(chosen.architecture),
            select=self.config["select"],
            top=self.config["top"],
        )

    def measure_controls(self, network: str, batch: str) -> dict[str, Any]:
        """Return the params of ``measure_controls``."""
        return rule_settings(
            "measure_controls",
            **self.plan.identity(self.plan.networks[network]),
            seeds=self.config["control_seeds"],
            storage=self.config["storage"],
        )

    def plot_projections(self, network: str, batch: str) -> dict[str, Any]:
        """Return the params of ``plot_projections``."""
        chosen = self.plan.networks[network]
        mean = list(chosen.preprocessing["mean"])
        return rule_settings("plot_projections", **self._titles(network), mean=mean)

    # Units over all images.

    def ranks(self, network: str) -> list[str]:
        """Return what ``rank_batch`` writes for each batch that a network looks at."""
        return [self._file(network, batch.name, "ranks.h5") for batch in self._batches(network)]

    def rank_batch(self) -> dict[str, Any]:
        """Return the params of ``rank_batch``."""
        return rule_settings("rank_batch")

    def rank_units(self) -> dict[str, Any]:
        """Return the params of ``rank_units``."""
        return rule_settings("rank_units")

    def image_files(self, network: str) -> list[str]:
        """Return the prepared images of all batches that a network looks at."""
        chosen = self.plan.networks[network]
        return [self.plan.images_file(chosen, batch) for batch in self._batches(network)]

    def project_units(self, network: str) -> dict[str, Any]:
        """Return the params of ``project_units``."""
        chosen = self.plan.networks[network]
        named = self._mosaic_channels(chosen)
        count = self.config["mosaic_channels"]
        channels = {layer.name: named.get(layer.name, count) for layer in self._layers(chosen)}
        return rule_settings(
            "project_units", **self._shared(chosen), channels=channels, seed=self.config["seed"]
        )

    def plot_units(self, network: str) -> dict[str, Any]:
        """Return the params of ``plot_units``."""
        return rule_settings("plot_units", **self._titles(network))

    # Units during training.

    def trained(self) -> list[str]:
        """Return the networks that the workflow trains."""
        networks = self.plan.networks.values()
        return [network.name for network in networks if network.weights.kind == "trained"]

    def project_evolution(self, network: str) -> dict[str, Any]:
        """Return the params of ``project_evolution``."""
        chosen = self.plan.networks[network]
        stages = (chosen.weights.training or {})["stages"]
        variants = [self.plan.variants_of(batch, batch.ids) for batch in self._batches(network)]
        return rule_settings(
            "project_evolution",
            **self._shared(chosen),
            images=[i for v in variants if NORMAL in v for i in v[NORMAL]["images"]],
            channels=self.config["evolution_channels"],
            seed=self.config["seed"],
            final_epoch=sum(stage["epochs"] for stage in stages),
        )

    def plot_evolution(self, network: str) -> dict[str, Any]:
        """Return the params of ``plot_evolution``."""
        return rule_settings("plot_evolution", **self._titles(network))

    # Pages.

    def sheets(self) -> list[str]:
        """Return the folders of sheets."""
        return [self._file(n.name, b.name, "sheets") for n, b in self._pairs]

    def mosaics(self) -> list[str]:
        """Return the folders of mosaics."""
        return [self._file(name, "mosaics") for name in self.plan.networks if self.chosen]

    def strips(self) -> list[str]:
        """Return the folders of strips through the training."""
        return [self._file(name, "strips") for name in self.trained() if self.chosen]

    def build_projection_pages(self) -> dict[str, Any]:
        """Return the params of ``build_projection_pages``."""
        return rule_settings("build_projection_pages", **page_settings(self.plan))

    def targets(self) -> list[str]:
        """Return what the run makes of this method."""
        if not self.chosen:
            return []
        figures = [*self.sheets(), *self.mosaics(), *self.strips()]
        return [f"{self.plan.results}/report/projections", *figures]

    def _titles(self, network: str) -> dict[str, Any]:
        chosen = self.plan.networks[network]
        layers = chosen.architecture.layers
        return {
            "network": network,
            "classes": class_settings(chosen.classes),
            "class_layers": [layer.name for layer in layers if layer.counts_classes],
        }

    def _shared(self, network: Network) -> dict[str, Any]:
        return {
            **self.plan.seeing(network),
            "layers": [layer.name for layer in self._layers(network)],
            **{key: self.config[key] for key in HOW},
        }


def _explained_from(architecture: Architecture) -> dict[str, str]:
    """Return the layer from whose peaks the classes are projected, by the layer of the logits."""
    if not is_globally_pooled(architecture):
        return {}
    return {architecture.layers[-1].name: class_layer(architecture).name}


def _projected(architecture: Architecture, text: str, layers: list[Layer], where: str) -> Layer:
    with at_place(where):
        layer = resolve_layer(architecture, text)
    if layer not in layers:
        raise UserError(
            f"units of layer {text} are not projected",
            where=where,
            remedy="Add it to deconvnet.layers or to the network's projected_layers.",
        )
    return layer

"""Inputs and params of the rules of inversion: images from layers' codes, table, figures."""

from functools import cached_property
from typing import Any

from convscope.errors import UserError
from convscope.networks.architectures import Layer
from convscope.planning.choices import chosen_layers
from convscope.planning.methods import MethodSettings
from convscope.planning.network_entries import Network
from convscope.planning.plan import Batch
from convscope.planning.presets import chosen_presets, known_presets
from convscope.planning.reporting import page_settings
from convscope.planning.rule_settings import rule_settings

REFUSED = {"progress": "it aims at a rise of a score, and an error of a code falls to 0"}
"""Policies of the rate that are of no use for an error."""
TABLES = (
    ("Inverted layers (CSV)", "inversion.csv"),
    ("Inverted layers (Parquet)", "inversion.parquet"),
)
"""Files of the folder of tables that the pages may link to."""


class InversionSettings(MethodSettings):
    """Answers the questions of the rules of inversion; wildcards in, paths or plain dicts out.

    Raises
    ------
    UserError
        If the method is chosen, and a layer, image or preset does not fit.
    """

    method = "inversion"

    def _check(self) -> None:
        for network in self.plan.networks.values():
            self._layers(network)
        self._presets()
        if not self.pairs:
            raise UserError(
                "no network has a layer to invert",
                where="config key inversion.layers",
                remedy="Name layers, or take inversion out of the config key methods.",
            )

    def _layers(self, network: Network) -> list[Layer]:
        choice, key = self.plan.choice(network, "inverted_layers", "inversion.layers")
        return chosen_layers(network.architecture, choice, f"config key {key}")

    def _presets(self) -> dict[str, dict[str, Any]]:
        return chosen_presets(
            self.config["presets"],
            known_presets(self.plan.config["preset_definitions"]),
            section="inversion",
            iterations=self.config["iterations"],
            refused=REFUSED,
        )

    @cached_property
    def pairs(self) -> list[tuple[Network, Batch]]:
        """Which network inverts images of which batch; nothing where the method is not chosen."""
        return [(n, b) for n, b in self._pairs if self._layers(n)]

    def invert_features(self, network: str, batch: str) -> dict[str, Any]:
        """Return the params of ``invert_features``."""
        chosen = self.plan.networks[network]
        layers = self._layers(chosen)
        return rule_settings(
            "invert_features",
            **self.plan.seeing(chosen),
            image_ids=self._ids(self.plan.batches[batch]),
            layers={layer.name: layer.common_name for layer in layers},
            presets=self._presets(),
            seed=self.config["seed"],
            memory=self.config["memory"],
            threads=self.config["threads"],
        )

    def files(self) -> list[str]:
        """Return what ``invert_features`` writes, a file a network and batch."""
        return [f"{self._folder(pair)}/inversion.h5" for pair in self.pairs]

    def _folder(self, pair: tuple[Network, Batch]) -> str:
        network, batch = pair
        return f"{self.plan.results}/inversion/{network.name}/{batch.name}"

    # Table and figures.

    def tabulate_inversion(self) -> dict[str, Any]:
        """Return the params of ``tabulate_inversion``."""
        return rule_settings(
            "tabulate_inversion",
            files=[{"network": n.name, "sample_set": b.sample_set} for n, b in self.pairs],
        )

    def downloads(self) -> list[str]:
        """Return the tables."""
        return [f"{self.plan.results}/inversion_tables/{name}" for _, name in TABLES]

    def plot_inversion(self, network: str) -> dict[str, Any]:
        """Return the params of ``plot_inversion``."""
        return rule_settings("plot_inversion", network=network)

    def figures(self) -> list[str]:
        """Return the folders of figures, one for each of ``files``."""
        return [f"{self._folder(pair)}/figures" for pair in self.pairs]

    def build_inversion_pages(self) -> dict[str, Any]:
        """Return the params of ``build_inversion_pages``."""
        return rule_settings(
            "build_inversion_pages",
            downloads=[title for title, _ in TABLES],
            **page_settings(self.plan),
        )

    def targets(self) -> list[str]:
        """Return what the run makes of this method."""
        if not self.chosen:
            return []
        return [f"{self.plan.results}/report/inversion", *self.downloads(), *self.figures()]

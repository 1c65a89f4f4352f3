"""Inputs and params of the rules of invariance: curves, tables, figures, pages."""

from typing import Any

from convscope.errors import UserError
from convscope.invariance.layers import chosen_layers
from convscope.invariance.transforms import Transform, transforms_of
from convscope.planning.correspondence import CorrespondenceSettings
from convscope.planning.methods import MethodSettings
from convscope.planning.network_entries import Network
from convscope.planning.places import at_place
from convscope.planning.plan import Plan
from convscope.planning.reporting import class_settings, page_settings
from convscope.planning.rule_settings import rule_settings

MOST_LINES = 7
"""Images of a sample set that can be told apart in one panel."""
TABLES = (
    ("All measures (CSV)", "invariance.csv"),
    ("All measures (Parquet)", "invariance.parquet"),
    ("Where classes change (CSV)", "changes.csv"),
    ("Summary of each image (CSV)", "images.csv"),
    ("Summary of each network (CSV)", "summary.csv"),
)
"""Files of the folder of tables that the pages link to."""
CORRESPONDENCE_TABLES = (
    ("Correspondence (CSV)", "correspondence.csv"),
    ("Correspondence of each pair of images (CSV)", "correspondence_pairs.csv"),
)


class InvarianceSettings(MethodSettings):
    """Answers the questions of the rules of invariance; wildcards in, paths or plain dicts out.

    Raises
    ------
    UserError
        If the method is chosen, and a range, layer, image or box does not fit.
    """

    method = "invariance"

    def __init__(self, plan: Plan) -> None:
        self.correspondence = CorrespondenceSettings(plan)
        super().__init__(plan)

    def _check(self) -> None:
        for network in self.plan.networks.values():
            self._layers(network)
        self._check_panels()
        self._transforms()

    def _transforms(self) -> tuple[Transform, ...]:
        return transforms_of(self.config["transforms"], "config key invariance.transforms")

    def _layers(self, network: Network) -> list[dict[str, Any]]:
        names, key = self.plan.choice(network, "invariance_layers", "invariance.layers")
        with at_place(f"config key {key}"):
            return chosen_layers(network.architecture, names)

    def _check_panels(self) -> None:
        where = "config key invariance.panel_images"
        named = self.config["panel_images"] or []
        known = self._images
        for image in named:
            if image not in known:
                raise UserError(
                    f"{image!r} is not among the images that are transformed",
                    where=where,
                    remedy="Add it to invariance.images, or take it out.",
                )
        for name, sample_set in self.plan.sample_sets.items():
            count = sum(image in sample_set.images for image in named)
            if count > MOST_LINES:
                raise UserError(
                    f"{count} images of {name} are to be drawn over each other",
                    where=where,
                    remedy=f"Name at most {MOST_LINES} of a sample set: more lines can't be told "
                    "apart.",
                )

    def _facts(self) -> list[dict[str, str]]:
        return [{"network": n.name, "sample_set": b.sample_set} for n, b in self._pairs]

    def _classes(self) -> dict[str, Any]:
        return {n.name: class_settings(n.classes) for n, _ in self._pairs}

    # Measures.

    def files(self) -> list[str]:
        """Return what ``measure_invariance`` writes."""
        folder = f"{self.plan.results}/invariance"
        return [f"{folder}/{n.name}/{b.name}/invariance.h5" for n, b in self._pairs]

    def image_files(self) -> list[str]:
        """Return the prepared images that each of ``files`` is about."""
        return [self.plan.images_file(network, batch) for network, batch in self._pairs]

    def measure_invariance(self, network: str, batch: str) -> dict[str, Any]:
        """Return the params of ``measure_invariance``."""
        chosen = self.plan.networks[network]
        members = self.plan.batches[batch]
        ids = self._ids(members)
        return rule_settings(
            "measure_invariance",
            **self.plan.seeing(chosen),
            layers=self._layers(chosen),
            transforms=[transform.settings for transform in self._transforms()],
            fill=self.config["fill"],
            image_ids=ids,
            labels=self.plan.labels_of(chosen, members, ids),
        )

    # Tables, figures, pages.

    def tabulate_invariance(self) -> dict[str, Any]:
        """Return the params of ``tabulate_invariance``."""
        return rule_settings("tabulate_invariance", files=self._facts(), classes=self._classes())

    def plot_invariance(self) -> dict[str, Any]:
        """Return the params of ``plot_invariance``."""
        return rule_settings(
            "plot_invariance",
            files=self._facts(),
            classes=self._classes(),
            means={n.name: list(n.preprocessing["mean"]) for n, _ in self._pairs},
            panel_images=self.config["panel_images"],
        )

    def correspondence_ranks(self) -> list[str]:
        """Return the summary of the correspondence that the pages show, if there is one."""
        made = bool(self.correspondence.files())
        return [f"{self.plan.results}/invariance_tables/correspondence.parquet"] * made

    def downloads(self) -> list[str]:
        """Return the files that the pages link to."""
        return [f"{self.plan.results}/invariance_tables/{name}" for _, name in self._downloads]

    @property
    def _downloads(self) -> tuple[tuple[str, str], ...]:
        return (*TABLES, *(CORRESPONDENCE_TABLES if self.correspondence.files() else ()))

    def build_invariance_pages(self) -> dict[str, Any]:
        """Return the params of ``build_invariance_pages``."""
        networks = self.plan.networks.values()
        return rule_settings(
            "build_invariance_pages",
            networks=[{"name": n.name, "weights": n.weights.title} for n in networks],
            downloads=[title for title, _ in self._downloads],
            **page_settings(self.plan),
            notes=self.correspondence.notes(),
        )

    def targets(self) -> list[str]:
        """Return what the run makes of this method."""
        if not self.chosen:
            return []
        folders = ("report/invariance", "invariance_figures")
        return [*(f"{self.plan.results}/{name}" for name in folders), *self.downloads()]

"""Inputs and params of the rules of class maximisation: images, transfer, table, figures."""

from functools import cached_property
from typing import Any

from convscope.errors import UserError
from convscope.planning.methods import MethodSettings
from convscope.planning.network_entries import Network
from convscope.planning.plan import Plan
from convscope.planning.presets import chosen_presets, known_presets
from convscope.planning.reporting import class_settings, pages
from convscope.planning.rule_settings import rule_settings
from convscope.synthesis.settings import checked_snapshots, class_indices
from convscope.synthesis.transfer import same_class

REFUSED = {"norm": "its rate is for errors of a layer's code, not for scores"}
"""Policies of the rate that are of no use for a score."""
TABLES = (
    ("Maximised classes (CSV)", "maximisation.csv"),
    ("Maximised classes (Parquet)", "maximisation.parquet"),
)
"""Files of the folder of tables that the pages link to."""


class MaximisationSettings(MethodSettings):
    """Answers the questions of the rules of maximisation; wildcards in, paths or plain dicts out.

    Raises
    ------
    UserError
        If a preset of the configuration does not fit, or if the method is chosen, and a class, a
        preset or a snapshot does not.
    """

    method = "maximisation"

    def __init__(self, plan: Plan) -> None:
        self._known = known_presets(plan.config["preset_definitions"])
        super().__init__(plan)

    def _check(self) -> None:
        for network in self.plan.networks.values():
            self._presets(network)
        if not self.jobs:
            raise UserError(
                "no network has a class to maximise",
                where="config key maximisation.classes",
                remedy="Name classes, or take maximisation out of the config key methods.",
            )
        self._snapshots()

    # What is made.

    def _classes(self, network: Network) -> list[int]:
        choice, key = self.plan.choice(network, "maximised_classes", "maximisation.classes")
        where = f"config key {key}, network {network.name}"
        try:
            return class_indices(choice, network.classes, where)
        except UserError as error:
            own = f"network_definitions.{network.name}.maximised_classes"
            remedy = f"{error.remedy} A network's own classes stand in {own}; [] is for none."
            raise UserError(error.what, where=error.where, remedy=remedy) from None

    @cached_property
    def jobs(self) -> list[tuple[Network, int]]:
        """Network and class index of every job; nothing where the method is not chosen."""
        networks = self.plan.networks.values() if self.chosen else ()
        return [(network, index) for network in networks for index in self._classes(network)]

    def _presets(self, network: Network) -> dict[str, dict[str, Any]]:
        return chosen_presets(
            self.config["presets"],
            self._known,
            section="maximisation",
            iterations=self.config["iterations"],
            rate_factor=self.plan.config["network_definitions"][network.name]["rate_factor"],
            refused=REFUSED,
        )

    def _snapshots(self) -> list[int]:
        presets = self._presets(next(iter(self.plan.networks.values())))
        most = max(settings["iterations"] for settings in presets.values())
        where = "config key maximisation.snapshots"
        return checked_snapshots(self.config["snapshots"], most, where)

    def maximise_class(self, network: str, class_index: str) -> dict[str, Any]:
        """Return the params of ``maximise_class``."""
        chosen = self.plan.networks[network]
        index = int(class_index)
        classes = chosen.classes
        return rule_settings(
            "maximise_class",
            **self.plan.seeing(chosen),
            target={"index": index, "name": classes.names[index], "wnid": classes.wnids[index]},
            presets=self._presets(chosen),
            seeds=sorted(self.config["seeds"]),
            snapshots=self._snapshots(),
            rows_at_once=self.config["rows_at_once"],
            threads=self.config["threads"],
        )

    def _folder(self, job: tuple[Network, int]) -> str:
        network, index = job
        return f"{self.plan.results}/maximisation/{network.name}/{index}"

    def files(self) -> list[str]:
        """Return what ``maximise_class`` writes, a file a network and class."""
        return [f"{self._folder(job)}/maximisation.h5" for job in self.jobs]

    # What independent networks say.

    def judges(self, network: str, class_index: int | str) -> list[str]:
        """Return the run's other networks that have a class, with weights of their own."""
        maker = self.plan.networks[network]
        index, weights = int(class_index), self.plan.weights_digests[network]
        names = maker.classes.names[index], maker.classes.wnids[index]
        return [
            name
            for name, judge in self.plan.networks.items()
            if same_class(*names, judge.classes) is not None
            and self.plan.weights_digests[name] != weights
        ]

    def judges_checks(self, network: str, class_index: str) -> list[str]:
        """Return what ``check_network`` writes for each judge."""
        names = self.judges(network, class_index)
        return [f"{self.plan.results}/networks/{name}/check.json" for name in names]

    def judge_transfer(self, network: str, class_index: str) -> dict[str, Any]:
        """Return the params of ``judge_transfer``."""
        judges = [self.plan.networks[name] for name in self.judges(network, class_index)]
        return rule_settings(
            "judge_transfer",
            judges=[
                {
                    "name": judge.name,
                    **self.plan.seeing(judge),
                    "class_list": class_settings(judge.classes),
                }
                for judge in judges
            ],
        )

    def transfers_of(self, network: str, class_index: int | str) -> list[str]:
        """Return what other networks say of a class's images; nothing where there is no judge."""
        job = (self.plan.networks[network], int(class_index))
        judged = bool(self.judges(network, class_index))
        return [f"{self._folder(job)}/transfers.tsv"] * judged

    def transfers(self) -> list[str]:
        """Return the transfers of all ``files`` that have judges, in their order."""
        return [path for n, index in self.jobs for path in self.transfers_of(n.name, index)]

    def _facts(self) -> list[dict[str, Any]]:
        """Say for each of ``files`` whose it is and whether it was judged."""
        return [
            {"network": n.name, "class_index": index, "judged": bool(self.judges(n.name, index))}
            for n, index in self.jobs
        ]

    def tabulate_maximisation(self) -> dict[str, Any]:
        """Return the params of ``tabulate_maximisation``."""
        return rule_settings("tabulate_maximisation", files=self._facts())

    def downloads(self) -> list[str]:
        """Return the tables."""
        return [f"{self.plan.results}/maximisation_tables/{name}" for _, name in TABLES]

    # Figures.

    def plot_maximisation(self, network: str) -> dict[str, Any]:
        """Return the params of ``plot_maximisation``."""
        return rule_settings("plot_maximisation", network=network)

    def figures(self) -> list[str]:
        """Return the folders of figures, one for each of ``files``."""
        return [f"{self._folder(job)}/figures" for job in self.jobs]

    def plot_networks(self) -> dict[str, Any]:
        """Return the params of ``plot_networks``."""
        return rule_settings("plot_networks", files=self._facts())

    def network_figures(self) -> list[str]:
        """Return the folder of classes in several networks; nothing if each is in one only."""
        names = [n.classes.wnids[index] or n.classes.names[index] for n, index in self.jobs]
        shared = len(set(names)) < len(names)
        return [f"{self.plan.results}/maximisation_figures"] * shared

    def build_maximisation_pages(self) -> dict[str, Any]:
        """Return the params of ``build_maximisation_pages``."""
        return rule_settings(
            "build_maximisation_pages",
            downloads=[title for title, _ in TABLES],
            pages=pages(self.plan),
        )

    def targets(self) -> list[str]:
        """Return what the run makes of this method."""
        if not self.chosen:
            return []
        page = f"{self.plan.results}/report/maximisation"
        return [page, *self.downloads(), *self.figures(), *self.network_figures()]

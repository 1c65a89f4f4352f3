"""Inputs and params of the rules of occlusion: maps, figures, pages."""

from functools import cached_property
from typing import Any

from convscope.occlusion.occluders import Occluder, occluders_of
from convscope.planning.image_sources import scene_inputs
from convscope.planning.methods import MethodSettings
from convscope.planning.network_entries import Network
from convscope.planning.plan import Batch
from convscope.planning.reporting import class_settings, page_settings
from convscope.planning.rule_settings import rule_settings
from convscope.predictions.labels import resolve_labels
from convscope.scenes.names import SCENE_CLASSES

REFINEMENT = ("every", "share", "compare")
"""Keys of the config that only the method ``coarse_to_fine`` reads."""


class OcclusionSettings(MethodSettings):
    """Answers the questions of the rules of occlusion; wildcards in, paths or plain dicts out.

    Raises
    ------
    UserError
        If the method is chosen, and an occluder or image does not fit.
    """

    method = "occlusion"

    def _check(self) -> None:
        self.targets()

    @cached_property
    def occluders(self) -> dict[str, Occluder]:
        """The occluders by name."""
        return occluders_of(self.plan.config["occluders"]) if self.chosen else {}

    @cached_property
    def _jobs(self) -> list[tuple[Network, Batch, str]]:
        """Network, batch and occluder of every job; nothing where the method is not chosen."""
        return [(*pair, occluder) for occluder in self.occluders for pair in self._pairs]

    def _file(self, job: tuple[Network, Batch, str], name: str) -> str:
        network, batch, occluder = job
        folder = f"{self.plan.results}/occlusion/{network.name}/{batch.name}/{occluder}"
        return f"{folder}/{name}"

    def occlude(self, network: str, batch: str, occluder: str) -> dict[str, Any]:
        """Return the params of ``occlude``."""
        chosen, members = self.plan.networks[network], self.plan.batches[batch]
        ids = self._ids(members)
        refined = self.config["method"] == "coarse_to_fine"
        return rule_settings(
            "occlude",
            **self.plan.seeing(chosen),
            image_ids=ids,
            labels=self.plan.labels_of(chosen, members, ids),
            occluder=self.occluders[occluder].settings(),
            method=self.config["method"],
            refinement={key: self.config[key] for key in REFINEMENT} if refined else {},
        )

    def score_occlusion(self, network: str, batch: str, occluder: str) -> dict[str, Any]:
        """Return the params of ``score_occlusion``."""
        chosen, members = self.plan.networks[network], self.plan.batches[batch]
        scenes = None
        if self.plan.sample_sets[members.sample_set].holds_scenes:
            known = resolve_labels({c: c for c in SCENE_CLASSES}, {network: chosen.classes})
            classes = {name: found[network] for name, found in known.items()}
            scenes = {"scene_of": self._scene_of(members), "classes": classes}
        return rule_settings(
            "score_occlusion",
            **self.plan.seeing(chosen),
            occluder=self.occluders[occluder].settings(),
            steps=self.config["curve_steps"],
            # Without curves there is no random order.
            seed=self.config["curve_seed"] if self.config["curve_steps"] else 0,
            scenes=scenes,
        )

    def scenes_of(self, batch: str) -> dict[str, str]:
        """Return the scenes that a batch's images come from, by the name of the input."""
        found = scene_inputs(self.plan, self.plan.batches[batch])
        return {"scenes": found[0]} if found else {}

    def plot_occlusion(self, network: str, batch: str, occluder: str) -> dict[str, Any]:
        """Return the params of ``plot_occlusion``."""
        chosen, members = self.plan.networks[network], self.plan.batches[batch]
        images = self.plan.sample_sets[members.sample_set].images
        return rule_settings(
            "plot_occlusion",
            network=network,
            occluder=occluder,
            sigma=self.config["sigma"],
            classes=class_settings(chosen.classes),
            labels={image: images[image].label for image in self._ids(members)},
        )

    def figures(self) -> list[str]:
        """Return the folders of figures."""
        return [self._file(job, "figures") for job in self._jobs]

    def times(self) -> list[str]:
        """Return the files of times."""
        return [self._file(job, "times.tsv") for job in self._jobs]

    def maps(self) -> list[str]:
        """Return the files of maps."""
        return [self._file(job, "occlusion.h5") for job in self._jobs]

    def scores(self) -> list[str]:
        """Return the files of scores."""
        return [self._file(job, "scores.h5") for job in self._jobs]

    def scenes(self) -> list[str]:
        """Return the scenes of those jobs whose images are scenes, in their order."""
        return [path for _, batch, _ in self._jobs for path in scene_inputs(self.plan, batch)]

    def _scene_of(self, batch: Batch) -> dict[str, str]:
        """Return what the scene of each image is called; nothing where images are no scenes."""
        sample_set = self.plan.sample_sets[batch.sample_set]
        ids = self._ids(batch) if sample_set.holds_scenes else []
        return {image: sample_set.images[image].source.place for image in ids}

    def tabulate_occlusion(self) -> dict[str, Any]:
        """Return the params of ``tabulate_occlusion``."""
        return rule_settings(
            "tabulate_occlusion",
            jobs=[
                {
                    "network": n.name,
                    "occluder": o,
                    "scene_of": self._scene_of(b),
                    "geometry": n.geometry,
                }
                for n, b, o in self._jobs
            ],
        )

    def build_occlusion_pages(self) -> dict[str, Any]:
        """Return the params of ``build_occlusion_pages``."""
        return rule_settings("build_occlusion_pages", **page_settings(self.plan))

    def targets(self) -> list[str]:
        """Return what the run makes of this method."""
        if not self.chosen:
            return []
        return [f"{self.plan.results}/report/occlusion", *self.figures()]

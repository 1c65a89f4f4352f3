"""Inputs and params of the rules of occlusion: maps, figures, pages."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from convscope.occlusion.occluders import Occluder, occluders_of
from convscope.planning.choices import chosen_images
from convscope.planning.image_sources import batch_inputs
from convscope.planning.network_entries import Network
from convscope.planning.plan import Batch, Plan
from convscope.planning.reporting import class_settings, pages, shows_imagenet
from convscope.planning.rule_settings import rule_settings
from convscope.predictions.labels import resolve_labels
from convscope.scenes.names import SCENE_CLASSES

REFINEMENT = ("every", "share", "compare")
"""Keys of the config that only the method ``coarse_to_fine`` reads."""


class OcclusionSettings:
    """Answers the questions of the rules of occlusion; wildcards in, paths or plain dicts out.

    Parameters
    ----------
    plan
        Of the run.
    identity
        Says what a network is, as params.

    Raises
    ------
    UserError
        If the method is chosen, and an occluder or image does not fit.
    """

    def __init__(
        self,
        plan: Plan,
        identity: Callable[[Network], dict[str, Any]],
    ) -> None:
        self.plan = plan
        self.config = plan.config["occlusion"]
        self.chosen = "occlusion" in plan.config["methods"]
        self._identity = identity
        if self.chosen:
            self.targets()

    @cached_property
    def occluders(self) -> dict[str, Occluder]:
        """The occluders by name."""
        return occluders_of(self.plan.config["occluders"]) if self.chosen else {}

    @cached_property
    def _images(self) -> frozenset[str]:
        ids = {name: list(s.images) for name, s in self.plan.sample_sets.items()}
        return chosen_images(ids, self.config["images"], "config key occlusion.images")

    def _ids(self, batch: Batch) -> list[str]:
        return [image for image in batch.ids if image in self._images]

    @cached_property
    def _jobs(self) -> list[tuple[Network, Batch, str]]:
        """Network, batch and occluder of every job; nothing where the method is not chosen."""
        pairs = [pair for pair in self.plan.pairs() if self._ids(pair[1])] if self.chosen else []
        return [(*pair, occluder) for occluder in self.occluders for pair in pairs]

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
            **self._identity(chosen),
            mean=list(chosen.preprocessing["mean"]),
            std=list(chosen.preprocessing["std"]),
            image_ids=ids,
            labels=self._labels(chosen, members, ids),
            occluder=self.occluders[occluder].settings(),
            method=self.config["method"],
            refinement={key: self.config[key] for key in REFINEMENT} if refined else {},
        )

    def score_occlusion(self, network: str, batch: str, occluder: str) -> dict[str, Any]:
        """Return the params of ``score_occlusion``."""
        chosen, members = self.plan.networks[network], self.plan.batches[batch]
        scenes = None
        if self._are_scenes(members):
            known = resolve_labels({c: c for c in SCENE_CLASSES}, {network: chosen.classes})
            classes = {name: found[network] for name, found in known.items()}
            scenes = {"scene_of": self._scene_of(members), "classes": classes}
        return rule_settings(
            "score_occlusion",
            **self._identity(chosen),
            mean=list(chosen.preprocessing["mean"]),
            std=list(chosen.preprocessing["std"]),
            occluder=self.occluders[occluder].settings(),
            steps=self.config["curve_steps"],
            # Without curves there is no random order.
            seed=self.config["curve_seed"] if self.config["curve_steps"] else 0,
            scenes=scenes,
        )

    def scenes_of(self, batch: str) -> dict[str, str]:
        """Return the scenes that a batch's images come from, by the name of the input."""
        members = self.plan.batches[batch]
        return {"scenes": batch_inputs(self.plan, members)[0]} if self._are_scenes(members) else {}

    def _labels(self, network: Network, batch: Batch, ids: list[str]) -> list[int | None]:
        images = self.plan.sample_sets[batch.sample_set].images
        texts = {i: label for i in ids if (label := images[i].label) is not None}
        known = resolve_labels(texts, {network.name: network.classes})
        return [known[image][network.name] if image in known else None for image in ids]

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
        return [
            path
            for _, b, _ in self._jobs
            if self._are_scenes(b)
            for path in batch_inputs(self.plan, b)
        ]

    def _scene_of(self, batch: Batch) -> dict[str, str]:
        """Return what the scene of each image is called; nothing where images are no scenes."""
        images = self.plan.sample_sets[batch.sample_set].images
        ids = self._ids(batch) if self._are_scenes(batch) else []
        return {image: images[image].source.place for image in ids}

    def _are_scenes(self, batch: Batch) -> bool:
        return self.plan.sample_sets[batch.sample_set].settings["kind"] == "scenes"

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
        return rule_settings(
            "build_occlusion_pages",
            pages=pages(self.plan),
            imagenet_terms=shows_imagenet(self.plan),
        )

    def targets(self) -> list[str]:
        """Return what the run makes of this method."""
        if not self.chosen:
            return []
        return [f"{self.plan.results}/report/occlusion", *self.figures()]

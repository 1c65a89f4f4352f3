"""Inputs and params of the rules of correspondence: which parts of which images are masked."""

from functools import cached_property
from typing import Any

from convscope.errors import UserError
from convscope.invariance.layers import compared_layers
from convscope.invariance.part_boxes import PARTS
from convscope.planning.choices import chosen_images
from convscope.planning.image_sources import scene_inputs
from convscope.planning.network_entries import Network
from convscope.planning.places import at_place
from convscope.planning.plan import Batch, Plan
from convscope.planning.rule_settings import rule_settings
from convscope.planning.sample_sets import SampleSet

FEWEST = 2
"""Correspondence compares images."""


class CorrespondenceSettings:
    """Answers the questions of the rules of correspondence; wildcards in, paths or dicts out.

    Parameters
    ----------
    plan
        Of the run.

    Raises
    ------
    UserError
        If invariance is chosen, and a layer, an image or the boxes of a sample sheet do not fit.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.config = plan.config["correspondence"]
        self.chosen = "invariance" in plan.config["methods"]
        if self.chosen:
            for network in plan.networks.values():
                self._layers(network)
            for name, images in self._images.items():
                _check_parts(plan.sample_sets[name], images)

    @cached_property
    def _images(self) -> dict[str, list[str]]:
        """Return the images that are compared, by sample set; sets without any are left out."""
        with_parts = {name: _with_parts(s) for name, s in self.plan.sample_sets.items()}
        known = {name: images for name, images in with_parts.items() if images}
        choice = self.config["images"]
        if not self.chosen or choice in (0, []):
            return {}
        if not isinstance(choice, list) and not known:
            return {}
        where = "config key correspondence.images"
        if isinstance(choice, list):
            _refuse_without_boxes(choice, self.plan, known, where)
        images = chosen_images(known, choice, where)
        found = {name: sorted(images.intersection(ids)) for name, ids in known.items()}
        return {name: ids for name, ids in found.items() if ids}

    def _layers(self, network: Network) -> list[dict[str, Any]]:
        names, key = self.plan.choice(network, "correspondence_layers", "correspondence.layers")
        with at_place(f"config key {key}"):
            return compared_layers(network.architecture, names)

    def _sets(self, network: Network) -> list[str]:
        return [name for name in network.sample_sets if name in self._images]

    def _batches(self, network: Network) -> list[Batch]:
        return [
            batch
            for batch in self.plan.batches.values()
            if batch.sample_set in self._sets(network)
            and set(self._images[batch.sample_set]).intersection(batch.ids)
        ]

    def _networks(self) -> list[Network]:
        return [network for network in self.plan.networks.values() if self._sets(network)]

    def files(self) -> list[str]:
        """Return what ``measure_correspondence`` writes."""
        folder = f"{self.plan.results}/correspondence"
        return [f"{folder}/{network.name}/pairs.parquet" for network in self._networks()]

    def image_files(self, network: str) -> list[str]:
        """Return the prepared images that ``measure_correspondence`` reads."""
        chosen = self.plan.networks[network]
        return [self.plan.images_file(chosen, batch) for batch in self._batches(chosen)]

    def scene_files(self, network: str) -> list[str]:
        """Return the scenes whose parts ``measure_correspondence`` reads."""
        batches = self._batches(self.plan.networks[network])
        return [path for batch in batches for path in scene_inputs(self.plan, batch)]

    def measure_correspondence(self, network: str) -> dict[str, Any]:
        """Return the params of ``measure_correspondence``."""
        chosen = self.plan.networks[network]
        return rule_settings(
            "measure_correspondence",
            **self.plan.seeing(chosen),
            layers=self._layers(chosen),
            sets=[self._set(name) for name in self._sets(chosen)],
            **{key: self.config[key] for key in ("fill", "random_boxes", "seed")},
        )

    def _set(self, name: str) -> dict[str, Any]:
        """Return the images of a sample set with their boxes, or with the scenes that hold them."""
        sample_set = self.plan.sample_sets[name]
        ids = self._images[name]
        images = {image: sample_set.images[image] for image in ids}
        if sample_set.holds_scenes:
            return {
                "sample_set": name,
                "scenes": {i: found.source.place for i, found in images.items()},
            }
        boxes = {i: {part: list(box) for part, box in found.parts} for i, found in images.items()}
        return {"sample_set": name, "boxes": boxes}

    def tabulate_correspondence(self) -> dict[str, Any]:
        """Return the params of ``tabulate_correspondence``."""
        names = [network.name for network in self._networks()]
        return rule_settings("tabulate_correspondence", networks=names)

    def notes(self) -> list[str]:
        """Return what a reader must know: one sheet's boxes can't fit two preprocessings."""
        return [
            f"The networks that look at {name} prepare images differently (resize, crop): boxes "
            "of parts are in pixels of the prepared image, so they fit one preprocessing only."
            for name in self._images
            if not self.plan.sample_sets[name].holds_scenes
            and len({str(n.geometry) for n in self._networks() if name in n.sample_sets}) > 1
        ]


def _with_parts(sample_set: SampleSet) -> list[str]:
    """Return the images whose parts are known."""
    if sample_set.holds_scenes:
        shows_object = sample_set.settings["condition"] != "object_removed"
        return list(sample_set.images) if shows_object else []
    return [image.id for image in sample_set.images.values() if image.parts]


def _refuse_without_boxes(
    choice: list[str], plan: Plan, known: dict[str, list[str]], where: str
) -> None:
    images = {image for s in plan.sample_sets.values() for image in s.images}
    for image in choice:
        if image in images and not any(image in ids for ids in known.values()):
            raise UserError(
                f"the parts of {image!r} are not known",
                where=where,
                remedy=f"Give their boxes in the sample sheet (columns {', '.join(PARTS)}).",
            )


def _check_parts(sample_set: SampleSet, images: list[str]) -> None:
    """Refuse a single image, and images of which not the same parts are known."""
    chosen = [sample_set.images[image] for image in images]
    if len(chosen) < FEWEST:
        raise UserError(
            "correspondence compares images, and this is the only one of its set with parts",
            where=chosen[0].where,
            remedy="Give the boxes of parts for more images, or set correspondence.images to 0.",
        )
    if sample_set.holds_scenes:
        return
    names = {part for image in chosen for part, _ in image.parts}
    for image in chosen:
        missing = [part for part in PARTS if part in names - dict(image.parts).keys()]
        if missing:
            raise UserError(
                f"the box of {missing[0]} is missing, which other images have",
                where=f"{image.where}, column {missing[0]}",
                remedy="Give the same parts for all images with boxes, or none of them.",
            )

"""Check the images of a run together: ids, variants, labels, and whether a network sees them."""

from collections.abc import Mapping, Sequence
from typing import Any

from convscope.errors import UserError
from convscope.planning.network_entries import Network
from convscope.planning.places import at_place
from convscope.planning.sample_sets import Image, SampleSet
from convscope.planning.schema import suggestion
from convscope.variants.definitions import FIXED


def check_variants(names: Sequence[str], definitions: Mapping[str, Any], where: str) -> None:
    """Refuse variants that are neither built in nor defined, naming the place where they stand."""
    for name in names:
        if name not in FIXED and name not in definitions:
            raise UserError(
                f"unknown variant {name!r}",
                where=where,
                remedy=f"{suggestion(name, [*FIXED, *definitions])} Variants of your own are "
                "defined under variant_definitions.",
            )


def check_images(
    networks: Mapping[str, Network],
    sample_sets: Mapping[str, SampleSet],
    definitions: Mapping[str, Any],
) -> None:
    """Refuse what no single sample set can know of.

    Parameters
    ----------
    networks, sample_sets
        Those of the run.
    definitions
        The config's ``variant_definitions``.

    Raises
    ------
    UserError
        For an id used twice, an unknown variant, a set that no network looks at, a label that fits
        several classes, or one in a sample sheet that is no class of any network that sees it.
        (Where the workflow itself labels images, networks without the class just get no score.)
    """
    _refuse_duplicates(sample_sets)
    for sample_set in sample_sets.values():
        watching = [n for n in networks.values() if sample_set.name in n.sample_sets]
        if not watching:
            raise UserError(
                f"no network of the run looks at {sample_set.name!r}",
                where="config key sample_sets",
                remedy="Take it out, or add it to the sample_sets of a network.",
            )
        labelled: dict[str, Image] = {}
        for image in sample_set.images.values():
            if image.own_variants:
                check_variants(image.variants, definitions, f"{image.where}, column variants")
            if image.label is not None:
                labelled.setdefault(image.label, image)
        for label, image in labelled.items():
            _check_label(label, image, watching, typed=sample_set.settings["kind"] == "sheet")


def _refuse_duplicates(sample_sets: Mapping[str, SampleSet]) -> None:
    seen: dict[str, str] = {}
    for sample_set in sample_sets.values():
        for image in sample_set.images.values():
            if image.id in seen:
                raise UserError(
                    f"duplicate image {image.id!r}, first in {seen[image.id]}",
                    where=image.where,
                    remedy="Every image of a run needs an id of its own: change it in the sample "
                    "sheet, or take one of the two sets out of sample_sets.",
                )
            seen[image.id] = image.where


def _check_label(label: str, image: Image, networks: Sequence[Network], *, typed: bool) -> None:
    where = f"{image.where}, column label" if typed else image.where
    with at_place(where):
        known = [network.classes.index_of(label) is not None for network in networks]
    if typed and not any(known):
        names = {name for network in networks for name in network.classes.names}
        raise UserError(
            f"unknown class {label!r}",
            where=where,
            remedy=f"{suggestion(label, names)} An empty label is allowed.",
        )

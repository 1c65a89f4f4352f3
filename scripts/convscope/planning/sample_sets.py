"""Which images a run looks at: sample sheets, Mini-ImageNet samples, generated scenes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from convscope.classes.lists import class_list
from convscope.errors import UserError
from convscope.fetching.mini_imagenet_index import WNIDS, image_ids, locate
from convscope.invariance.part_boxes import Box
from convscope.planning.places import at_place
from convscope.planning.schema import suggestion
from convscope.planning.sheet import Row, read_sheet
from convscope.scenes.names import SCENE_CLASSES, scene_ids


@dataclass(frozen=True)
class Source:
    """Where the pixels of an image come from.

    ``place`` is a path, a URL, the number of a row group, or a scene's id.
    """

    kind: Literal["file", "url", "row_group", "scene"]
    place: str
    sha256: str | None = None


@dataclass(frozen=True)
class Image:
    """An image of the run; ``label`` is the text that the user gave.

    ``own_variants`` says whether its row names them, or the config for all images; ``parts`` are
    named boxes in the prepared image.
    """

    id: str
    label: str | None
    variants: tuple[str, ...]
    source: Source
    where: str
    own_variants: bool = False
    parts: tuple[tuple[str, Box], ...] = ()


@dataclass(frozen=True)
class SampleSet:
    """The images of one entry of ``sample_set_definitions`` and its checked settings."""

    name: str
    settings: Mapping[str, Any]
    images: Mapping[str, Image]
    sheet: Path | None = None

    @property
    def holds_scenes(self) -> bool:
        """Whether its images are generated scenes, whose objects are known."""
        return self.settings["kind"] == "scenes"


def plan_sample_set(
    name: str,
    settings: Mapping[str, Any],
    *,
    variants: Sequence[str],
    base_urls: Mapping[str, str],
    repository: Path,
    sheet_schema: Path,
) -> SampleSet:
    """Return the images of a sample set; nothing is downloaded or drawn.

    Raises
    ------
    UserError
        If the sheet, a class or a number of images does not fit.
    """
    where = f"config key sample_set_definitions.{name}"
    sheet = None
    if settings["kind"] == "sheet":
        sheet = Path(settings["sheet"].replace("{repository}", str(repository)))
        rows = read_sheet(sheet, sheet_schema, base_urls)
        if not rows:
            raise UserError("the sheet has no image", where=str(sheet), remedy="Add a row.")
        images = [_from_row(row, sheet, variants) for row in rows]
    elif settings["kind"] == "mini_imagenet":
        images = _mini_imagenet(settings, tuple(variants), where)
    else:
        images = _scenes(name, settings, tuple(variants), where)
    return SampleSet(name, settings, {image.id: image for image in images}, sheet)


def _from_row(row: Row, sheet: Path, variants: Sequence[str]) -> Image:
    source = Source("url" if row.is_url else "file", row.source, row.sha256)
    return Image(
        id=row.image,
        label=row.label,
        variants=row.variants or tuple(variants),
        source=source,
        where=f"{sheet}, row {row.number}",
        own_variants=row.variants is not None,
        parts=row.parts,
    )


def _mini_imagenet(
    settings: Mapping[str, Any], variants: tuple[str, ...], where: str
) -> list[Image]:
    wnids = list(WNIDS)
    if settings["classes"] != "all":
        wnids = sorted({_mini_imagenet_wnid(text, where) for text in settings["classes"]})
    split = settings["split"]
    with at_place(f"{where}.per_class"):
        ids = image_ids(split, wnids, settings["per_class"])
    images = []
    for image_id in ids:
        source = Source("row_group", str(locate(image_id, split).row_group))
        images.append(Image(image_id, image_id.split("_")[0], variants, source, where))
    return images


def _mini_imagenet_wnid(text: str, where: str) -> str:
    imagenet = class_list("imagenet")
    with at_place(f"{where}.classes"):
        index = imagenet.index_of(text)
    if index is None or imagenet.wnids[index] not in WNIDS:
        known = [imagenet.names[imagenet.wnids.index(wnid)] for wnid in WNIDS]
        raise UserError(
            f"{text!r} is not one of Mini-ImageNet's 100 classes",
            where=f"{where}.classes",
            remedy=suggestion(text, known),
        )
    return imagenet.wnids[index]


def _scenes(
    name: str, settings: Mapping[str, Any], variants: tuple[str, ...], where: str
) -> list[Image]:
    classes = scene_classes(settings["classes"], where)
    return [
        Image(f"{name}-{scene}", scene.rsplit("_", 1)[0], variants, Source("scene", scene), where)
        for scene in scene_ids(settings["per_class"], classes)
    ]


def scene_classes(chosen: str | Sequence[str], where: str) -> tuple[str, ...]:
    """Return the scene classes that ``all`` or a list of names stands for, in canonical order."""
    if chosen == "all":
        return SCENE_CLASSES
    for text in chosen:
        if text not in SCENE_CLASSES:
            raise UserError(
                f"unknown scene class {text!r}",
                where=f"{where}.classes",
                remedy=suggestion(text, SCENE_CLASSES),
            )
    return tuple(name for name in SCENE_CLASSES if name in chosen)

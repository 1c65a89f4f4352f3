"""Where the images of a batch come from: the files a job reads and what binds them to content."""

from typing import Any

from convscope.digests import settings_digest
from convscope.fetching.mini_imagenet_index import MINI_IMAGENET
from convscope.planning.local_files import local_sha256
from convscope.planning.paths import SHARED
from convscope.planning.plan import Batch, Plan
from convscope.planning.sample_sets import Image, Source


def source_digest(source: Source) -> str:
    """Return the name of a fetched image: a digest of its URL and sha256."""
    return settings_digest({"url": source.place, "sha256": source.sha256})


def batch_inputs(plan: Plan, batch: Batch) -> list[str]:
    """Return the files that hold the images of a batch, each once, in the order of first use."""
    images = plan.sample_sets[batch.sample_set].images
    return list(dict.fromkeys(_file(plan, batch, images[image]) for image in batch.ids))


def batch_sources(plan: Plan, batch: Batch) -> dict[str, dict[str, Any]]:
    """Return for each image which input holds it and what its content is.

    Local files are bound by their sha256, which is computed where the sheet gives none; fetched
    files by URL and sha256, so that exchanging two files or two URLs is never overlooked.
    """
    images = plan.sample_sets[batch.sample_set].images
    places = {path: index for index, path in enumerate(batch_inputs(plan, batch))}
    return {
        image: {"input": places[_file(plan, batch, images[image])], **_content(images[image])}
        for image in batch.ids
    }


def _file(plan: Plan, batch: Batch, image: Image) -> str:
    source = image.source
    if source.kind == "url":
        return f"{SHARED}/images/{source_digest(source)}/image"
    if source.kind == "row_group":
        split = plan.sample_sets[batch.sample_set].settings["split"]
        folder = f"{SHARED}/samples/mini_imagenet/{MINI_IMAGENET.revision}/{split}"
        return f"{folder}/{source.place}/images.zip"
    if source.kind == "scene":
        return f"{plan.results}/scenes/{batch.name}/scenes.h5"
    return source.place


def _content(image: Image) -> dict[str, Any]:
    source = image.source
    if source.kind == "url":
        return {"kind": "file", "url": source.place, "sha256": source.sha256}
    if source.kind == "row_group":
        return {"kind": "zip", "member": f"{image.id}.jpg"}
    if source.kind == "scene":
        return {"kind": "scenes", "id": source.place}
    return {"kind": "file", "sha256": source.sha256 or local_sha256(source.place)}

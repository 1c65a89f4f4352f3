"""Where the images of a batch come from: the files a job reads and what binds them to content."""

from typing import Any

from convscope.fetching.fetched import manifest_place
from convscope.fetching.mini_imagenet_index import MINI_IMAGENET
from convscope.planning.fetch_groups import FetchGroup, fetch_groups
from convscope.planning.local_files import local_sha256
from convscope.planning.paths import SHARED
from convscope.planning.plan import Batch, Plan
from convscope.planning.sample_sets import Image, Source


def batch_groups(plan: Plan, batch: Batch) -> list[FetchGroup]:
    """Return the groups in which the images of a batch are fetched."""
    images = plan.sample_sets[batch.sample_set].images
    sources = (images[image].source for image in batch.ids)
    return fetch_groups(tuple(source for source in sources if source.kind == "url"))


def batch_inputs(plan: Plan, batch: Batch) -> list[str]:
    """Return the files that hold the images of a batch, each once, in the order of first use.

    Fetched images are held by the manifests of their groups.
    """
    return list(dict.fromkeys(_files(plan, batch).values()))


def scene_inputs(plan: Plan, batch: Batch) -> list[str]:
    """Return the scenes that a batch's images come from; nothing where they are no scenes."""
    return batch_inputs(plan, batch) if plan.sample_sets[batch.sample_set].holds_scenes else []


def batch_sources(plan: Plan, batch: Batch) -> dict[str, dict[str, Any]]:
    """Return for each image which input holds it and what its content is.

    Local files are bound by their sha256, which is computed where the sheet gives none; fetched
    files by URL and sha256, so that exchanging two files or two URLs is never overlooked.
    """
    images = plan.sample_sets[batch.sample_set].images
    files = _files(plan, batch)
    places = {path: index for index, path in enumerate(dict.fromkeys(files.values()))}
    return {
        image: {"input": places[file], **_content(images[image])} for image, file in files.items()
    }


def _files(plan: Plan, batch: Batch) -> dict[str, str]:
    images = plan.sample_sets[batch.sample_set].images
    manifests = {}
    for group in batch_groups(plan, batch):
        manifest = str(manifest_place(SHARED, group.digest))
        manifests |= {(s.place, s.sha256): manifest for s in group.sources.values()}
    files = {}
    for image in batch.ids:
        source = images[image].source
        if source.kind == "url":
            files[image] = manifests[source.place, source.sha256]
        else:
            files[image] = _file(plan, batch, source)
    return files


def _file(plan: Plan, batch: Batch, source: Source) -> str:
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
        return {"kind": "fetched", "url": source.place, "sha256": source.sha256}
    if source.kind == "row_group":
        return {"kind": "zip", "member": f"{image.id}.jpg"}
    if source.kind == "scene":
        return {"kind": "scenes", "id": source.place}
    return {"kind": "file", "sha256": source.sha256 or local_sha256(source.place)}

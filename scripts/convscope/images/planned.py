"""From planned sources, which number the job's inputs, to sources that name files."""

from collections.abc import Mapping, Sequence
from typing import Any

from convscope.errors import UserError
from convscope.fetching.fetched import image_place, read_manifest, source_digest


def located(
    sources: Mapping[str, Mapping[str, Any]], inputs: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return sources as ``SourceFiles`` takes them.

    Paths stay out of a rule's params, so that the same images elsewhere are the same images.

    Parameters
    ----------
    sources
        Image id to ``{"kind": "file" | "fetched" | "zip" | "scenes", "input": number, ...}``.
    inputs
        The job's input files; those of fetched images are manifests.

    Raises
    ------
    UserError
        If a manifest is damaged, or an image is not in it.
    """
    fetched = {source["input"] for source in sources.values() if source["kind"] == "fetched"}
    manifests = {number: read_manifest(inputs[number]) for number in fetched}
    result = {}
    for image, source in sources.items():
        file = inputs[source["input"]]
        if source["kind"] == "fetched":
            result[image] = _fetched(image, source, file, manifests[source["input"]])
        else:
            kept = {key: source[key] for key in ("member", "id", "sha256") if source.get(key)}
            result[image] = {source["kind"]: file, **kept}
    return result


def _fetched(
    image: str, source: Mapping[str, Any], manifest: str, known: Mapping[str, Any]
) -> dict[str, Any]:
    """Find a fetched image, which must be what it was when it came."""
    digest = source_digest(source["url"], source["sha256"])
    if digest not in known:
        raise UserError(
            f"image {image} is not in it",
            where=manifest,
            remedy="Delete it and run snakemake again; images that are there are not fetched anew.",
        )
    remedy = f"Delete it and {manifest}, and run snakemake again to fetch it anew."
    place = image_place(manifest, digest)
    return {"file": str(place), "sha256": known[digest].sha256, "remedy": remedy}

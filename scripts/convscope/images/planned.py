"""From planned sources, which number the job's inputs, to sources that name files."""

from collections.abc import Mapping, Sequence
from typing import Any


def located(
    sources: Mapping[str, Mapping[str, Any]], inputs: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return sources as ``SourceFiles`` takes them.

    Paths stay out of a rule's params, so that the same images elsewhere are the same images.

    Parameters
    ----------
    sources
        Image id to ``{"kind": "file" | "zip" | "scenes", "input": number, ...}``.
    inputs
        The job's input files.
    """
    result = {}
    for image, source in sources.items():
        kept = {key: source[key] for key in ("member", "id", "sha256") if source.get(key)}
        result[image] = {source["kind"]: inputs[source["input"]], **kept}
    return result

"""Images that one job fetches: as many as fit a command line; no job a single image."""

import shlex
from dataclasses import dataclass
from functools import cache

from convscope.fetching.fetched import group_digest, source_digest
from convscope.planning.batches import cut_batches
from convscope.planning.sample_sets import Source

LONGEST_ARGUMENTS = 100_000
"""Linux takes 131 072 bytes in one argument of a command, which all of a shell command is."""


@dataclass(frozen=True)
class FetchGroup:
    """The sources of a group by their digests, and the name made of these."""

    digest: str
    sources: dict[str, Source]

    @property
    def arguments(self) -> str:
        """The images as arguments of ``fetch_images``, in an order that no sheet changes."""
        return " ".join(_argument(self.sources[digest]) for digest in sorted(self.sources))


@cache
def fetch_groups(sources: tuple[Source, ...]) -> list[FetchGroup]:
    """Return the groups in which the images of a batch are fetched.

    That is one group, unless its addresses are too long for a command line together; then the
    batch is cut so that most groups stay put when an image is added.
    """
    named = {source_digest(source.place, source.sha256): source for source in sources}
    lengths = {digest: len(_argument(source).encode()) + 1 for digest, source in named.items()}
    size = len(named)
    cut = cut_batches(named, size)
    while size > 1 and max(sum(map(lengths.__getitem__, part)) for part in cut) > LONGEST_ARGUMENTS:
        size //= 2
        cut = cut_batches(named, size)
    return [FetchGroup(group_digest(part), {name: named[name] for name in part}) for part in cut]


def _argument(source: Source) -> str:
    return shlex.join(["--image", source.place, source.sha256 or ""])

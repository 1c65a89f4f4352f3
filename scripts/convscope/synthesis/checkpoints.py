"""Checkpoints of a synthesis: written whole, named by a digest, gone after success."""

import json
import logging
import time
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from convscope.files import replacing
from convscope.synthesis.state import State

LOGGER = logging.getLogger(__name__)


class Checkpoint:
    """A file that holds the state of one batch.

    Parameters
    ----------
    stem
        Folder and first part of the file's name, of this batch alone.
    digest
        Of everything that the numbers depend on: settings, inputs, code. It is the second part of
        the name and stands in the file, so that a file of another digest is never read.
    seconds
        The least time between two writes; 0 writes after every iteration. The last state is
        always written.
    """

    def __init__(self, stem: str | Path, digest: str, seconds: float = 30.0) -> None:
        stem = Path(stem)
        self._stem = stem
        self.path = stem.with_name(f"{stem.name}.{digest}.safetensors")
        self._digest = digest
        self._seconds = seconds
        self._written = time.monotonic()

    def restore(self, state: State) -> bool:
        """Bring a fresh state to where the file left off; return whether there was one."""
        if not self.path.is_file():
            return False
        try:
            with safe_open(self.path, framework="pt") as file:
                found = json.loads((file.metadata() or {}).get("synthesis", "{}"))
            if found != {"digest": self._digest}:
                raise ValueError("it belongs to another run")
            state.restore(load_file(self.path))
        except (SafetensorError, ValueError) as error:
            LOGGER.warning("%s is ignored: %s", self.path, error)
            return False
        LOGGER.info("going on from iteration %d (%s)", state.iteration, self.path)
        return True

    def keep(self, state: State, *, last: bool = False) -> None:
        """Write the state if it is time to, whole or not at all."""
        now = time.monotonic()
        if not last and now - self._written < self._seconds:
            return
        metadata = {"synthesis": json.dumps({"digest": self._digest})}
        tensors = {name: values.contiguous() for name, values in state.tensors().items()}
        with replacing(self.path) as temporary:
            save_file(tensors, temporary, metadata=metadata)
        self._written = now

    def remove(self) -> None:
        """Remove this batch's checkpoints, those of earlier settings or code included."""
        for path in self._stem.parent.glob(f"{self._stem.name}.*.safetensors"):
            path.unlink(missing_ok=True)

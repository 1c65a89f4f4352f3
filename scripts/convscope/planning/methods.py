"""What the plans of all methods begin with: a section of the configuration, networks, images."""

from abc import ABC, abstractmethod
from functools import cached_property

from convscope.planning.choices import chosen_images
from convscope.planning.network_entries import Network
from convscope.planning.plan import Batch, Plan


class MethodSettings(ABC):
    """Answers the questions of a method's rules; wildcards in, paths or plain dicts out.

    Parameters
    ----------
    plan
        Of the run.

    Raises
    ------
    UserError
        If the method is chosen, and something in its section of the configuration does not fit.
    """

    method: str
    """Its name in the config key ``methods``, and of its section."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.config = plan.config[self.method]
        self.chosen = self.method in plan.config["methods"]
        if self.chosen:
            self._check()

    @abstractmethod
    def _check(self) -> None:
        """Find mistakes before any job runs."""

    @abstractmethod
    def targets(self) -> list[str]:
        """Return what the run makes of this method."""

    # Of the methods that look at images, which their section names under the key images.

    @cached_property
    def _images(self) -> frozenset[str]:
        ids = {name: list(s.images) for name, s in self.plan.sample_sets.items()}
        return chosen_images(ids, self.config["images"], f"config key {self.method}.images")

    def _ids(self, batch: Batch) -> list[str]:
        return [image for image in batch.ids if image in self._images]

    @cached_property
    def _pairs(self) -> list[tuple[Network, Batch]]:
        """Which network looks at images of which batch; nothing where the method is not chosen."""
        return [(n, b) for n, b in self.plan.pairs() if self._ids(b)] if self.chosen else []

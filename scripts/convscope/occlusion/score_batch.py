"""Score the maps of a batch: curves, Fig. 7c's projections, and on scenes object or context."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from convscope.batching import BatchSize
from convscope.deconvnet.project import Projector
from convscope.deconvnet.seeds import Unit
from convscope.errors import UserError
from convscope.hdf5 import attribute, reading
from convscope.images.geometry import resize_and_crop
from convscope.images.store import read_images
from convscope.images.store import read_index as read_image_index
from convscope.occlusion.context import NONE, object_or_context
from convscope.occlusion.curves import curves, random_drops, shares_of
from convscope.occlusion.fills import fill_image
from convscope.occlusion.graph import activity_step
from convscope.occlusion.maps import OcclusionMaps
from convscope.occlusion.occluders import Occluder
from convscope.occlusion.score_files import ORDERS, Feature, ImageScores, writing_scores
from convscope.occlusion.storage import read_index, read_maps
from convscope.progress import progress
from convscope.scenes.partners import Partners, partners_of
from convscope.scenes.store import SCHEMA
from convscope.variants.network_input import network_input

LOGGER = logging.getLogger(__name__)
IMAGES_AT_ONCE = {"cpu": 8, "cuda": 128}


@dataclass(frozen=True)
class Scenes:
    """Which scenes the images of a batch are.

    Parameters
    ----------
    path
        scenes.h5.
    scene_of
        The scene's id of each image.
    classes
        The network's index of each class of scenes, or None.
    """

    path: str
    scene_of: Mapping[str, str]
    classes: Mapping[str, int | None]


class Scorer:
    """Measures images by one network and one occluder.

    Parameters
    ----------
    network
        In eval mode, on its device.
    occluder
        Whose fill covers pixels.
    mean, std
        Of the network's transform.
    steps
        Of the curves; 0 for none.
    seed
        Of the random order.
    """

    def __init__(
        self,
        network: nn.Module,
        occluder: Occluder,
        *,
        mean: list[float],
        std: list[float],
        steps: int,
        seed: int,
    ) -> None:
        self._network = network.to(memory_format=torch.channels_last)
        first = next(network.parameters())
        self._device, self._dtype = first.device, first.dtype
        self._occluder, self._mean, self._std = occluder, mean, std
        self.steps, self._seed = steps, seed
        self._size = BatchSize(IMAGES_AT_ONCE[first.device.type])
        self._projector: Projector | UserError | None = None

    def feature(self, pixels: np.ndarray, channel: int | None) -> Feature:
        """Return the whole strongest feature map of an image, projected by the deconvnet."""
        nothing = np.zeros(pixels.shape, np.float32)
        if channel is None:
            return Feature(nothing, "no ReLU follows the last convolution")
        if self._projector is None:
            try:
                self._projector = Projector(self._network, image_size=pixels.shape[1:])
            except UserError as error:
                LOGGER.warning("no projections of feature maps: %s", error)
                self._projector = error
        if isinstance(self._projector, UserError):
            return Feature(nothing, f"can't be projected: {self._projector.what}")
        program = self._projector.program
        layer = program.steps[activity_step(program)].layer
        clean = self._normalised(self._rgb(pixels))
        (found,) = self._projector.project_image(clean, [Unit(layer, channel)])
        top, left, bottom, right = found.box
        whole = nothing.copy()
        whole[:, top:bottom, left:right] = found.pixels
        where = found.rectified_to_zero_at
        words = None if whole.any() else f"rectified to zero at {where or layer}"
        return Feature(whole, words)

    def curves(self, pixels: np.ndarray, maps: OcclusionMaps) -> np.ndarray | None:
        """Return ``ImageScores.curves`` of an image, uint8 ``(3, H, W)``, and its maps."""
        if not self.steps:
            return None
        rgb = self._rgb(pixels)
        fill = fill_image(rgb, self._occluder, self._mean)
        clean, covered = (self._normalised(image) for image in (rgb, fill))
        of, label = ("top", maps.top) if maps.label is None else ("label", maps.label)
        drops = {"map": maps.drops(of), "random": random_drops(maps.grid, self._seed)}
        found = [
            curves(self.classify, clean, covered, drops[order], maps.grid, label, steps=self.steps)
            for order in ORDERS
        ]
        return np.stack([[curve.deletion, curve.insertion] for curve in found])

    def context(
        self,
        pixels: np.ndarray,
        label: int | None,
        partners: Partners | None,
        geometry: Mapping[str, Any],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return ``ImageScores.probabilities`` and ``answers`` of an image and its partners."""
        if partners is None:
            return np.full((3, 2), np.nan), np.full(3, NONE)
        images = [pixels]
        for partner in (partners.erased, partners.replaced):
            if partner is not None:
                drawn = Image.fromarray(partner.transpose(1, 2, 0).copy())
                images.append(resize_and_crop(drawn, geometry))
        clean, erased, *others = (self._normalised(self._rgb(image)) for image in images)
        replaced = others[0] if others else None
        found = object_or_context(self.classify, clean, erased, replaced, label)
        return found.probabilities, found.answers

    @torch.inference_mode()
    def classify(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits of normalised images in batches that fit the memory."""
        found = []
        for rows in self._size.over(len(images)):
            with self._size.fitting():
                found.append(self._network(images[rows]))
        return torch.cat(found)

    def _rgb(self, pixels: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(pixels).to(self._device).to(self._dtype) / 255

    def _normalised(self, rgb: torch.Tensor) -> torch.Tensor:
        return network_input(rgb[None].clone(), self._mean, self._std)


def score_batch(
    scorer: Scorer,
    *,
    occlusion: str | Path,
    images: str | Path,
    scenes: Scenes | None,
    output: str | Path,
    attributes: Mapping[str, Any],
) -> None:
    """Write scores.h5 of the maps in occlusion.h5.

    Parameters
    ----------
    scorer
        The network.
    occlusion, images
        occlusion.h5, and the images.h5 of its batch.
    scenes
        Which scenes the images are, or None.
    output
        The file, written atomically.
    attributes
        More facts for the file.
    """
    index, geometry = read_index(occlusion), read_image_index(images).geometry
    about = dict(attributes) | {"images": dict(index.images), "occluder": dict(index.occluder)}
    settings = None if scenes is None else _scene_settings(scenes.path)
    shares = shares_of(scorer.steps, index.grid) if scorer.steps else None
    with writing_scores(output, shares, index.grid.image, about) as writer:
        for image in progress(index.ids, LOGGER, what="images", total=len(index.ids)):
            pixels = read_images(images, [image]).pixels[0]
            maps = read_maps(occlusion, [image])[image]
            partners = None if scenes is None else partners_of(scenes.scene_of[image], settings)
            probabilities, answers = scorer.context(pixels, maps.label, partners, geometry)
            places = _places(partners, {} if scenes is None else scenes.classes)
            scores = ImageScores(scorer.curves(pixels, maps), probabilities, answers, **places)
            writer.add(scores, scorer.feature(pixels, maps.channel))


def _scene_settings(path: str) -> dict[str, Any]:
    with reading(path, SCHEMA) as file:
        return attribute(file, "settings")


def _places(partners: Partners | None, classes: Mapping[str, int | None]) -> dict[str, int]:
    """Return the indices of the classes that play in a scene."""
    names = ("object_class", "cue_class", "replaced_cue")
    found = {name: classes.get(getattr(partners, name, None)) for name in names}
    return {name: NONE if index is None else index for name, index in found.items()}

"""Save and convert the weights of a small real network."""

import torch

from convscope.networks.weights import convert_weights

CLASSES = 4


def save(content, tmp_path, name="source.pth", **options):
    torch.save(content, tmp_path / name, **options)
    return tmp_path / name


def convert(source, output, **options):
    convert_weights(source, "squeezenet1_1", CLASSES, output, **options)

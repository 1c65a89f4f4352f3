"""What goes through the network: images moved as torchvision moves them, each row once."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2.functional import affine as torchvision_affine

from convscope.invariance.compare import Segment
from convscope.invariance.passes import Inputs, rows_of, segments, spans
from convscope.invariance.transforms import Transform
from invariance_toys import CPU, noise_batch


def test_segments_cover_every_row_once():
    for count, rows, at_once in [(3, 4, 5), (1, 1, 8), (5, 1, 3), (2, 7, 7), (4, 3, 100)]:
        covered = []
        for span in spans(count * rows, at_once):
            found = segments(span, rows)
            assert found[0].start == 0
            assert found[-1].stop == len(span) <= at_once
            for one, other in pairwise(found):
                assert one.stop == other.start
            for segment in found:
                done = sum(image == segment.image for image in covered)
                assert segment.fresh == (done == 0)
                covered += [segment.image] * (segment.stop - segment.start)
        assert covered == [image for image in range(count) for _ in range(rows)]


def test_images_are_moved_exactly_where_that_is_possible():
    amounts = {
        "vertical_translation": (-5.0, 0.0, 7.0),
        "horizontal_translation": (11.0,),
        "rotation": (0.0, 90.0, 180.0, 270.0),
    }
    rows = rows_of([Transform(name, values) for name, values in amounts.items()])
    make = Inputs(rows, fill="edge", mean=(0, 0, 0), std=(1, 1, 1), device=CPU, dtype=torch.float32)
    pixels = noise_batch(1, side=224).pixels
    moved = make(pixels, [Segment(0, 0, len(rows), True)], 0)
    image = torch.from_numpy(pixels[0]) / 255
    assert torch.equal(moved[0], image)
    up, down = (moved[rows.places[0][place]] for place in (0, 2))
    assert torch.equal(up[:, :-5], image[:, 5:])
    assert torch.equal(down[:, 7:], image[:, :-7])
    assert torch.equal(moved[rows.places[1][0]][:, :, 11:], image[:, :, :-11])
    for turns in (1, 2, 3):
        turned = moved[rows.places[2][turns]]
        assert torch.equal(turned, torch.rot90(image, turns, (-2, -1)))


@pytest.mark.parametrize(
    ("name", "amount", "arguments"),
    [
        ("rotation", 33.0, {"angle": -33.0}),
        ("scale", 1.35, {"scale": 1.35}),
        ("scale", 0.8, {"scale": 0.8}),
        ("vertical_translation", -12.0, {"translate": [0, -12]}),
        ("horizontal_translation", 25.0, {"translate": [25, 0]}),
    ],
)
def test_transforms_equal_torchvision_inside(name, amount, arguments):
    rows = rows_of([Transform(name, (amount,))])
    make = Inputs(
        rows, fill="black", mean=(0, 0, 0), std=(1, 1, 1), device=CPU, dtype=torch.float64
    )
    pixels = noise_batch(1, side=224).pixels
    both = [Segment(0, 0, 2, True)]
    image, moved = make(pixels, both, 0)
    covered = make(np.full_like(pixels, 255), both, 0)[1] > 1 - 1e-9
    expected = torchvision_affine(
        image,
        **{"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0], **arguments},
        interpolation=InterpolationMode.BILINEAR,
    )
    assert covered.float().mean() > 0.5
    assert (moved - expected)[covered].abs().max() < 1e-4  # torchvision's grid is float32
    assert (moved - image).abs().max() > 0.1

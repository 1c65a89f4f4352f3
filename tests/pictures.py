"""Pictures for tests, encoded as asked."""

import io

import numpy as np

from convscope.images.decode import decode_image

HEIGHT, WIDTH = 24, 32


def picture(seed=0):
    """Return smooth, asymmetric colours (H, W, 3) uint8."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    phase = seed + np.arange(3)
    waves = np.sin(rows[..., None] / 7 + phase) + np.cos(columns[..., None] / 9 + 2 * phase)
    return np.rint(127.5 + 60 * waves).clip(0, 255).astype(np.uint8)


def encoded(image, form, **options):
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def pixels(data):
    image = decode_image(data, "cat")
    assert image.mode == "RGB"
    return np.asarray(image)

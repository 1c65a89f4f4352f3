"""Images that are refused, by name, before they do harm."""

import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from convscope.errors import UserError
from convscope.images import decode
from convscope.images.decode import decode_image
from pictures import HEIGHT, WIDTH, encoded, picture, pixels


def refused(data):
    with pytest.raises(UserError) as caught:
        decode_image(data, "row 3, image cat (cat.png)")
    assert caught.value.where == "row 3, image cat (cat.png)"
    assert caught.value.remedy
    return caught.value.what


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("BMP", {}),
        ("TIFF", {}),
        ("GIF", {}),
        ("WEBP", {}),
        ("PPM", {}),
    ],
)
@pytest.mark.parametrize("share", [0.5, 0.7, 0.9])
def test_truncated_files_are_refused(form, options, share):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = encoded(Image.fromarray(noise), form, **options)
    what = refused(data[: int(share * len(data))])
    assert "truncated or damaged" in what or "not an image" in what


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF"])
def test_no_part_of_an_image_passes_for_the_whole(form):
    data = encoded(Image.fromarray(picture()), form)
    whole = pixels(data)
    for length in range(0, len(data), 31):
        try:
            found = pixels(data[:length])
        except UserError:
            continue
        assert np.array_equal(found, whole)  # nothing but the end mark was missing


def test_pillows_warnings_name_the_image(monkeypatch, caplog):
    def warn(self):
        warnings.warn("an odd profile", stacklevel=1)
        return Image.Exif()

    data = encoded(Image.fromarray(picture()), "PNG")
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.getexif", warn)
    assert np.array_equal(pixels(data), picture())
    assert caplog.messages == ["cat: an odd profile"]


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><title>404</title>", "not an image"),
        (b"\x89PNG\r\n\x1a\n", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", "not an image"),
    ],
)
def test_what_is_no_image_is_refused(data, word):
    assert word in refused(data)


def test_flipped_bytes_are_refused():
    data = bytearray(encoded(Image.fromarray(picture()), "PNG"))
    data[60] ^= 0xFF
    assert "truncated or damaged" in refused(bytes(data))


def png_header(width, height):
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    packed = b"IDAT" + zlib.compress(b"\0" * 1000)
    chunks += struct.pack(">I", len(packed) - 4) + packed + struct.pack(">I", zlib.crc32(packed))
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize("side", [9_500, 13_000, 60_000])
def test_decompression_bombs_are_refused_before_decoding(side, monkeypatch):
    # 9 500 x 9 500: Pillow warns only; 13 000 and more: Pillow refuses.
    def decoded(self):
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decoded)
    what = refused(png_header(side, side))
    assert "too large" in what
    assert "bomb" in what


def test_the_limit_on_pixels_holds_whatever_pillow_is_set_to(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert "too large" in refused(png_header(9_500, 9_500))


def test_the_limit_on_pixels_is_the_largest_that_passes(monkeypatch):
    data = encoded(Image.fromarray(picture()), "PNG")
    monkeypatch.setattr(decode, "MAXIMUM_PIXELS", HEIGHT * WIDTH)
    assert pixels(data).shape == (HEIGHT, WIDTH, 3)
    monkeypatch.setattr(decode, "MAXIMUM_PIXELS", HEIGHT * WIDTH - 1)
    assert f"{WIDTH}x{HEIGHT}" in refused(data)


@pytest.mark.parametrize("size", [(1, 1), (7, 100), (100, 7)])
def test_tiny_images_are_refused(size):
    assert f"{size[0]}x{size[1]}" in refused(encoded(Image.new("RGB", size), "PNG"))


def test_the_smallest_image_passes():
    assert pixels(encoded(Image.new("RGB", (8, 8)), "PNG")).shape == (8, 8, 3)


@pytest.mark.parametrize("values", [[[0, 70000]], [[-1, 5]]])
def test_values_beyond_sixteen_bits_are_refused(values):
    image = Image.fromarray(np.resize(np.array(values, np.int32), (16, 16)))
    assert "beyond 16 bits" in refused(encoded(image, "TIFF"))


@pytest.mark.parametrize("mode", ["F"])
def test_modes_without_a_range_are_refused(mode):
    assert mode in refused(encoded(Image.new(mode, (16, 16)), "TIFF"))


def test_pillow_is_left_as_it_was():
    before = (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS)
    refused(encoded(Image.fromarray(picture()), "PNG")[:200])
    assert before == (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS)
    assert before[0] is False

"""Every format becomes upright RGB."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image

from pictures import HEIGHT, WIDTH, encoded, picture, pixels


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("PPM", {}),
        ("WEBP", {"lossless": True}),
        ("JPEG2000", {"irreversible": False}),
    ],
)
def test_lossless_rgb_comes_back_unchanged(form, options):
    assert np.array_equal(pixels(encoded(Image.fromarray(picture()), form, **options)), picture())


@pytest.mark.parametrize(
    ("form", "options"), [("JPEG", {"quality": 95}), ("JPEG", {"progressive": True}), ("AVIF", {})]
)
def test_lossy_rgb_is_near_and_as_pillow_gives_it(form, options):
    data = encoded(Image.fromarray(picture()), form, **options)
    found = pixels(data)
    assert np.array_equal(found, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    assert np.abs(found.astype(int) - picture()).mean() < 8


def test_greyscale_becomes_three_equal_channels():
    grey = picture()[..., 0]
    found = pixels(encoded(Image.fromarray(grey), "PNG"))
    assert np.array_equal(found, np.repeat(grey[..., None], 3, axis=2))


def test_one_bit_becomes_black_and_white():
    bits = picture()[..., 0] > 127
    found = pixels(encoded(Image.fromarray(bits), "PNG"))
    assert np.array_equal(found[..., 1], np.where(bits, 255, 0))


def test_palette_is_looked_up():
    image = Image.fromarray(picture()).quantize(16)
    found = pixels(encoded(image, "PNG"))
    assert np.array_equal(found, np.asarray(image.convert("RGB")))


def test_palette_with_a_transparent_entry_lies_over_white():
    image = Image.fromarray(picture()).quantize(16)
    entry = int(np.asarray(image)[5, 5])
    found = pixels(encoded(image, "PNG", transparency=entry))
    hidden = np.asarray(image) == entry
    assert (found[hidden] == 255).all()
    assert np.array_equal(found[~hidden], np.asarray(image.convert("RGB"))[~hidden])


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_composited_over_white(mode):
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[:, 8:20], alpha[:, 20:] = 128, 255
    colours = picture() if mode == "RGBA" else np.repeat(picture()[..., :1], 3, axis=2)
    layers = colours if mode == "RGBA" else colours[..., :1]
    found = pixels(encoded(Image.fromarray(np.dstack([layers, alpha]), mode), "PNG"))
    share = alpha[..., None] / 255
    expected = share * colours + (1 - share) * 255
    assert np.abs(found - expected).max() <= 1
    assert np.array_equal(found[:, 20:], colours[:, 20:])
    assert (found[:, :8] == 255).all()


def test_rgb_with_a_transparent_colour_lies_over_white():
    colours = picture()
    colours[3:6, 3:6] = (1, 2, 3)
    found = pixels(encoded(Image.fromarray(colours), "PNG", transparency=(1, 2, 3)))
    assert (found[3:6, 3:6] == 255).all()
    assert np.array_equal(found[10:], colours[10:])


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_cmyk_is_converted_like_the_colours_it_prints(form):
    # Pillow writes CMYK JPEGs as Adobe does, inverted: reading them must invert them back.
    data = encoded(Image.fromarray(picture()).convert("CMYK"), form)
    assert Image.open(io.BytesIO(data)).mode == "CMYK"
    assert np.abs(pixels(data).astype(int) - picture()).mean() < 8


@pytest.mark.parametrize(("form", "mode"), [("PNG", "I;16"), ("TIFF", "I;16"), ("TIFF", "I")])
def test_sixteen_bits_are_scaled_not_clipped(form, mode):
    values = np.linspace(0, 65535, HEIGHT * WIDTH).round().astype(np.uint16).reshape(HEIGHT, WIDTH)
    image = Image.fromarray(values if mode == "I;16" else values.astype(np.int32))
    assert image.mode == mode
    found = pixels(encoded(image, form))
    assert np.array_equal(found[..., 0], np.floor(values / 257 + 0.5).astype(np.uint8))
    assert found.min() == 0
    assert found.max() == 255


def test_sixteen_bit_key_of_transparency_is_white():
    values = np.full((HEIGHT, WIDTH), 1000, np.uint16)
    values[4:8] = 7
    data = encoded(Image.fromarray(values), "PNG")
    header = 8 + 25  # the signature and IHDR
    body = b"tRNS" + struct.pack(">H", 7)
    chunk = struct.pack(">I", 2) + body + struct.pack(">I", zlib.crc32(body))
    found = pixels(data[:header] + chunk + data[header:])
    assert (found[4:8] == 255).all()
    assert (found[8:] == round(1000 / 257)).all()


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_exif_orientation_is_applied_once(form, orientation):
    upright = picture()
    stored = {
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }.get(orientation, upright)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    image = Image.fromarray(np.ascontiguousarray(stored))
    assert np.array_equal(pixels(encoded(image, form, exif=exif)), upright)


def test_damaged_exif_leaves_the_image_as_it_lies_and_is_said(monkeypatch, caplog):
    def fail(self):
        raise struct.error("unpack requires a buffer of 4 bytes")

    data = encoded(Image.fromarray(picture()), "PNG")
    monkeypatch.setattr(Image.Image, "getexif", fail)
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.getexif", fail)
    assert np.array_equal(pixels(data), picture())
    assert "cat: the EXIF data are damaged" in caplog.text


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame_counts(form):
    frames = [Image.fromarray(np.full((HEIGHT, WIDTH, 3), level, np.uint8)) for level in (200, 20)]
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:])
    assert np.abs(pixels(data).astype(int) - 200).max() <= 2

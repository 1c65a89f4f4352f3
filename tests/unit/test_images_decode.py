"""Every format becomes upright RGB, and every damaged file is refused by name."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageFile

from convscope.errors import UserError
from convscope.images import decode
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

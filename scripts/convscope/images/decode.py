"""Any image file becomes upright 8-bit RGB; needs no torch."""

import io
import logging
import warnings

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from convscope.errors import UserError

LOGGER = logging.getLogger(__name__)

# Named, because Pillow would also open formats that start other programs (EPS) or hold no pixels.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF")
# Pillow's own limit, at which it only warns. As RGB this is 256 MiB.
MAXIMUM_PIXELS = 89_478_485
# The smallest side in ImageNet is tens of pixels; less than this says nothing after enlargement.
MINIMUM_SIDE = 8
SIXTEEN_BIT_MODES = ("I", "I;16", "I;16L", "I;16B", "I;16N")
# What brings each EXIF orientation upright.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode_image(data: bytes, where: str) -> Image.Image:
    """Decode an image file to upright RGB.

    Greyscale becomes three equal channels; CMYK and YCbCr are converted without colour profiles, as
    torchvision's users get them from Pillow; 16-bit greyscale is scaled to 8 bits by 1/257 (never
    clipped); transparent pixels are laid over white, as a viewer shows them (what lies hidden under
    them is arbitrary); of an animation the first frame is taken; the EXIF orientation is applied.

    Parameters
    ----------
    data
        The bytes of the file.
    where
        The image's name and file, for messages.

    Returns
    -------
    PIL.Image.Image
        Mode ``RGB``.

    Raises
    ------
    UserError
        If the data are no image, truncated or damaged, larger than ``MAXIMUM_PIXELS`` (refused
        before a pixel is decoded), or smaller than ``MINIMUM_SIDE`` on a side.
    """
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = _decode(data, where)
    for message in dict.fromkeys(str(warning.message).strip() for warning in said):
        LOGGER.warning("%s: %s", where, message)
    return image


def _decode(data: bytes, where: str) -> Image.Image:
    try:
        with Image.open(io.BytesIO(data), formats=_readable()) as image:
            _check_size(image.size, where)
            image.load()
            return _as_rgb(_upright(image, where), where)
    except (UserError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _bomb(str(error), where) from None
    except UnidentifiedImageError:
        raise _not_an_image(data, where) from None
    except Exception as error:
        # Damaged bytes raise nearly anything in Pillow's readers.
        raise UserError(
            f"the image is truncated or damaged ({error})",
            where=where,
            remedy="Get a whole copy of the file or take the image out of the sheet.",
        ) from error


def _readable() -> list[str]:
    Image.init()  # older releases of Pillow lack some formats, and fail on a name they don't know
    return [name for name in FORMATS if name in Image.OPEN]


def _check_size(size: tuple[int, int], where: str) -> None:
    width, height = size
    if width * height > MAXIMUM_PIXELS:
        raise _bomb(f"{width}x{height} pixels", where)
    if min(size) < MINIMUM_SIDE:
        raise UserError(
            f"the image is only {width}x{height} pixels",
            where=where,
            remedy=f"Use an image of at least {MINIMUM_SIDE} pixels on each side.",
        )


def _bomb(found: str, where: str) -> UserError:
    return UserError(
        f"the image is too large, perhaps a decompression bomb ({found})",
        where=where,
        remedy=f"Scale it down to at most {MAXIMUM_PIXELS} pixels, or remove it if you don't "
        "trust it.",
    )


def _not_an_image(data: bytes, where: str) -> UserError:
    found = "not an image of a known format, or not a whole one" if data else "the file is empty"
    return UserError(found, where=where, remedy=f"Use one of these formats: {', '.join(FORMATS)}.")


def _upright(image: Image.Image, where: str) -> Image.Image:
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception as error:  # the pixels are whole; only the note about the camera is not
        LOGGER.warning("%s: the EXIF data are damaged (%s); taken as upright", where, error)
        return image
    turn = UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _as_rgb(image: Image.Image, where: str) -> Image.Image:
    if image.mode in SIXTEEN_BIT_MODES:
        return _from_sixteen_bit(image, where)
    try:
        if image.has_transparency_data:
            layer = image.convert("RGBA")
            white = Image.new("RGBA", layer.size, "white")
            return Image.alpha_composite(white, layer).convert("RGB")
        if image.mode == "F":
            raise ValueError("floating-point pixels have no agreed range")
        return image.convert("RGB")
    except ValueError as error:
        raise UserError(
            f"pixels of the mode {image.mode!r} can't be turned into RGB ({error})",
            where=where,
            remedy="Save the image as 8-bit RGB, for example as PNG.",
        ) from error


def _from_sixteen_bit(image: Image.Image, where: str) -> Image.Image:
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise UserError(
            f"its values, {values.min()} to {values.max()}, are beyond 16 bits",
            where=where,
            remedy="Save the image as 8-bit RGB, for example as PNG.",
        )
    grey = ((values + 128) // 257).astype(np.uint8)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey[values == transparent] = 255
    return Image.fromarray(grey).convert("RGB")

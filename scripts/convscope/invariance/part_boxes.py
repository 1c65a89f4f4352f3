"""Boxes of the parts of an image, as a sample sheet gives them; needs neither torch nor numpy.

A box is (left, top, right, bottom) in pixels of the prepared image; right and bottom exclusive.
"""

import re
from collections.abc import Sequence

from convscope.errors import UserError
from convscope.variants.definitions import SIDE

Box = tuple[int, int, int, int]
PARTS = ("right_eye", "left_eye", "nose")
"""Columns of a sample sheet, in the order of Zeiler & Fergus (2013), Table 1."""


def parse_box(text: str, where: str) -> Box:
    """Return the box that a cell of a sample sheet holds: ``left,top,right,bottom``.

    Parameters
    ----------
    text
        Four whole numbers with commas between them.
    where
        The sheet, row and column, for messages.

    Raises
    ------
    UserError
        If it is none, is empty or lies outside the image.
    """
    if not re.fullmatch(r"\s*-?\d+\s*(,\s*-?\d+\s*){3}", text):
        raise UserError(
            f"{text!r} is not a box",
            where=where,
            remedy="Give left,top,right,bottom in pixels of the 224x224 image: 60,70,90,95.",
        )
    left, top, right, bottom = (int(number) for number in text.split(","))
    check_box((left, top, right, bottom), where)
    return left, top, right, bottom


def check_box(box: Sequence[int], where: str, side: int = SIDE) -> None:
    """Refuse a box that is empty or lies outside the image.

    Raises
    ------
    UserError
        It names ``where``.
    """
    left, top, right, bottom = box
    if left >= right or top >= bottom:
        raise UserError(
            f"the box {left},{top},{right},{bottom} is empty",
            where=where,
            remedy="Give left,top,right,bottom with left < right and top < bottom.",
        )
    if left < 0 or top < 0 or right > side or bottom > side:
        raise UserError(
            f"the box {left},{top},{right},{bottom} lies outside the image",
            where=where,
            remedy=f"Keep it within 0,0,{side},{side}, in pixels of the prepared image.",
        )

"""Titles that people read for the names of variants."""

_TITLES = {
    "normal": "normal",
    "rotate_90_clockwise": "rotated 90° clockwise",
    "rotate_90_anticlockwise": "rotated 90° anticlockwise",
    "rotate_180": "rotated 180°",
    "corner_occlusion": "corner occlusion",
    "centre_occlusion": "centre occlusion",
}


def variant_title(name: str) -> str:
    """Return the method's name in the report, or the variant's own name with spaces."""
    return _TITLES.get(name, name.replace("_", " "))

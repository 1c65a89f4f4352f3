"""What presets are called in figures and tables."""

from collections.abc import Iterable, Mapping
from typing import Any

from convscope.figures.text import number
from convscope.synthesis.presets import LADDER, YOSINSKI

TITLES = {
    "ladder_a": "(a) nothing",
    "ladder_b": "(b) L2",
    "ladder_c": "(c) L2, blur",
    "ladder_d": "(d) L2, blur",
    "ladder_e": "(e) L2, blur",
    "ladder_f": "(f) L2, blur, clip",
    "yosinski_1": "Yosinski et al., 1",
    "yosinski_2": "Yosinski et al., 2",
    "yosinski_3": "Yosinski et al., 3",
    "yosinski_4": "Yosinski et al., 4",
    "fourier": "Fourier, jitter",
    "published_prior": "with the published prior",
    "mahendran_vedaldi": "published prior and descent",
    "no_prior": "without a prior",
}


def title_of(preset: str, settings: Mapping[str, Any] | None = None) -> str:
    """Return a preset's title; a ladder's blur with its width, so that the steps tell apart."""
    title = TITLES.get(preset, preset)
    if settings and preset in LADDER and settings["blur_sigma"]:
        return title.replace("blur", f"blur {number(settings['blur_sigma'])} px")
    return title


def preset_rows(presets: Iterable[str]) -> list[list[str]]:
    """Return presets in rows as figures show them: the ladder, Yosinski et al.'s, all others."""
    presets = list(presets)
    rows = [[name for name in known if name in presets] for known in (LADDER, YOSINSKI)]
    others = [name for name in presets if name not in LADDER and name not in YOSINSKI]
    rows += [others[start : start + len(LADDER)] for start in range(0, len(others), len(LADDER))]
    return [row for row in rows if row]

"""Presets of synthesis that a run asks for: published ones, and its own; needs no torch."""

from collections.abc import Mapping, Sequence
from typing import Any

from convscope.errors import UserError
from convscope.planning.schema import suggestion
from convscope.synthesis.presets import PRESETS
from convscope.synthesis.settings import checked_settings, preset_settings

LIKE = "like"


def known_presets(own: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the published presets and the configuration's own, each with what it changes.

    Parameters
    ----------
    own
        ``preset_definitions`` of the configuration. ``like`` names a published preset to start
        from; without it a preset starts from what changes nothing.

    Raises
    ------
    UserError
        If a name is a published one, or if a key or value does not fit.
    """
    known = {name: dict(settings) for name, settings in PRESETS.items()}
    for name, entry in own.items():
        where = f"config key preset_definitions.{name}"
        if name in PRESETS:
            raise UserError(
                "a published preset keeps its settings",
                where=where,
                remedy=f"Choose another name and start from it: {LIKE}: {name}.",
            )
        changes = dict(entry)
        like = changes.pop(LIKE, None)
        if like is not None and like not in PRESETS:
            raise UserError(
                f"unknown preset {like!r}",
                where=f"{where}.{LIKE}",
                remedy=suggestion(like, PRESETS),
            )
        known[name] = {**PRESETS.get(like, {}), **changes}
        checked_settings(known[name], where)
    return known


def chosen_presets(
    names: Sequence[str],
    known: Mapping[str, Mapping[str, Any]],
    *,
    section: str,
    iterations: int | None,
    rate_factor: float = 1.0,
    refused: Mapping[str, str],
) -> dict[str, dict[str, Any]]:
    """Return all settings of the presets that a method is to use, by name.

    Parameters
    ----------
    names
        The presets.
    known
        As ``known_presets`` returns them.
    section
        The method's section of the configuration, for messages.
    iterations
        In place of each preset's own.
    rate_factor
        Of the network.
    refused
        Policies of the rate that the method has no use for, with the reason.

    Raises
    ------
    UserError
        If a preset is unknown, does not fit, or is none for this method.
    """
    where = f"config key {section}.presets"
    found = {}
    for name in names:
        settings = preset_settings(
            name, known, iterations=iterations, rate_factor=rate_factor, where=where
        )
        policy = settings["rate_policy"]
        if policy in refused:
            raise UserError(
                f"the preset {name!r} has rate_policy {policy}: {refused[policy]}",
                where=where,
                remedy="Choose another preset, or define one in preset_definitions.",
            )
        found[name] = settings
    return found

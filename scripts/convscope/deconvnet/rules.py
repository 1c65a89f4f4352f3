"""What a ReLU does to a signal on its way down, after Springenberg et al. (2014), Fig. 1."""

import torch

from convscope.errors import UserError

RULES = ("deconvnet", "guided", "gradient")


def needs_gate(rule: str) -> bool:
    """Return whether a rule looks at where the forward pass was positive.

    Raises
    ------
    UserError
        If the rule is unknown.
    """
    if rule not in RULES:
        raise UserError(
            f"{rule!r} is no rule for ReLUs",
            where="rectification",
            remedy=f"Choose one of {', '.join(RULES)}.",
        )
    return rule != "deconvnet"


def rectify(signal: torch.Tensor, gate: torch.Tensor | None, rule: str) -> torch.Tensor:
    """Return a signal after a ReLU on the way down; it may be written into.

    ``deconvnet`` keeps what is positive of the signal itself, ``gradient`` what passed the ReLU
    on the way up, ``guided`` what does both.

    Parameters
    ----------
    signal
        ``(n, C, H, W)`` or ``(n, C)``.
    gate
        Where the forward pass was positive, boolean, of a shape that broadcasts; None for
        ``deconvnet``.
    rule
        One of ``RULES``.
    """
    if needs_gate(rule):
        signal = signal.mul_(gate)
    return signal if rule == "gradient" else signal.clamp_(min=0)

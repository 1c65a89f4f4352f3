"""Weights as this project keeps them: safetensors, float32, torchvision's keys, checked."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from convscope.digests import file_sha256
from convscope.errors import UserError
from convscope.files import replacing
from convscope.networks.build import construct, skeleton
from convscope.networks.weights_files import read_state

LOGGER = logging.getLogger(__name__)
CONVERTIBLE = (torch.float16, torch.bfloat16, torch.float64)
BATCH_COUNT = "num_batches_tracked"
SHOWN = 5


def convert_weights(
    source: str | Path,
    architecture: str,
    classes: int,
    output: str | Path,
    *,
    sha256: str | None = None,
    reference: Mapping[str, Any] | None = None,
) -> None:
    """Check a weights file against an architecture and write it as safetensors.

    The same tensors give the same bytes, whatever file they came from.

    Parameters
    ----------
    source
        A ``.safetensors`` or ``.pth`` file.
    architecture
        torchvision's name, or ``reference``.
    classes
        The number of classes.
    output
        The safetensors file, written whole or not at all.
    sha256
        The source's expected SHA-256, 64 hexadecimal digits.
    reference
        The settings of the reference network, for ``reference`` only.

    Raises
    ------
    UserError
        If the source is missing, has another SHA-256, is no weights file or one with code in it,
        or if a key is missing, extra, or has another shape, another kind of number, NaN or
        infinity.
    """
    if sha256 is not None:
        _check_sha256(Path(source), sha256)
    expected = skeleton(architecture, classes=classes, reference=reference).state_dict()
    state = fit_state(read_state(source), expected, architecture, str(source))
    _write(state, architecture, classes, output)


def make_random_weights(
    architecture: str,
    seed: int,
    classes: int,
    output: str | Path,
    *,
    reference: Mapping[str, Any] | None = None,
) -> None:
    """Write an architecture's own random initialisation, the same bytes for the same seed.

    The global generators are left as they were.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network = construct(architecture, classes=classes, reference=reference)
    _write(network.state_dict(), architecture, classes, output)


def fit_state(
    state: Mapping[str, torch.Tensor],
    expected: Mapping[str, torch.Tensor],
    architecture: str,
    where: str,
) -> dict[str, torch.Tensor]:
    """Return the tensors in the architecture's order as float32, or refuse them.

    Parameters
    ----------
    state
        The tensors as found.
    expected
        The architecture's state dict; only shapes and types count, so it may be on meta.
    architecture, where
        Named in messages: the architecture and the file.

    Raises
    ------
    UserError
        As ``convert_weights``.
    """
    state = _with_batch_counts(state, expected, where)
    missing = [key for key in expected if key not in state]
    extra = [key for key in state if key not in expected]
    if missing or extra:
        raise UserError(
            "; ".join(
                f"{len(keys)} {word} {'key' if len(keys) == 1 else 'keys'} ({_some(keys)})"
                for word, keys in (("missing", missing), ("extra", extra))
                if keys
            ),
            where=where,
            remedy=f"Give a state dict of torchvision's {architecture}, or correct architecture.",
        )
    converted: dict[torch.dtype, int] = {}
    fitted = {}
    for key, target in expected.items():
        if state[key].dtype != target.dtype:
            converted[state[key].dtype] = converted.get(state[key].dtype, 0) + 1
        fitted[key] = _fit(key, state[key], target, where)
    for dtype, count in converted.items():
        LOGGER.info("%s: %d tensors converted from %s to float32", where, count, _name(dtype))
    return fitted


def _fit(key: str, found: torch.Tensor, target: torch.Tensor, where: str) -> torch.Tensor:
    if found.shape != target.shape:
        raise UserError(
            f"{key} has shape {list(found.shape)}, expected {list(target.shape)}",
            where=where,
            remedy="Correct architecture or classes, or give the weights of this network.",
        )
    usable = found.dtype == target.dtype or (
        target.dtype == torch.float32 and found.dtype in CONVERTIBLE
    )
    if not usable or found.layout != torch.strided:
        raise UserError(
            f"{key} holds {_name(found.dtype)} ({_name(found.layout)}), "
            f"expected {_name(target.dtype)}",
            where=where,
            remedy="Save the weights as dense float32 tensors.",
        )
    fitted = found.to(target.dtype).contiguous()
    if not torch.isfinite(fitted).all():
        raise UserError(
            f"{key} holds NaN or infinity as {_name(target.dtype)}",
            where=where,
            remedy="Give an undamaged weights file.",
        )
    return fitted


def _with_batch_counts(
    state: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor], where: str
) -> dict[str, torch.Tensor]:
    """Add the counts that files from before torch 0.4.1 lack, as torch itself does; unused here."""
    lacking = [
        key for key in expected if key not in state and key.rpartition(".")[2] == BATCH_COUNT
    ]
    if lacking:
        LOGGER.info("%s: an old file without %s, which is set to 0", where, BATCH_COUNT)
    return {**state, **{key: torch.tensor(0, dtype=torch.int64) for key in lacking}}


def _check_sha256(source: Path, expected: str) -> None:
    if not source.is_file():
        raise UserError(
            "the weights file is missing",
            where=str(source),
            remedy="Correct its path in the config.",
        )
    found = file_sha256(source)
    if found != expected.lower():
        raise UserError(
            f"its SHA-256 is {found}, expected {expected}",
            where=str(source),
            remedy="Fetch the file again, or correct sha256 if the file is the one you mean.",
        )


def _write(
    state: Mapping[str, torch.Tensor], architecture: str, classes: int, output: str | Path
) -> None:
    """Write safetensors; one metadata key only, because several come out in random order."""
    network = json.dumps({"architecture": architecture, "classes": classes}, sort_keys=True)
    seen: set[int] = set()
    tensors = {}
    for key, tensor in state.items():
        shared = tensor.data_ptr() in seen
        seen.add(tensor.data_ptr())
        # The format knows no shared memory (tied weights), so a second user gets a copy.
        tensors[key] = tensor.detach().clone() if shared else tensor.detach().contiguous()
    with replacing(output) as temporary:
        save_file(tensors, temporary, metadata={"network": network})
    count = sum(tensor.numel() for tensor in tensors.values())
    LOGGER.info("%s: %s, %d classes, %d numbers", output, architecture, classes, count)


def _some(keys: list[str]) -> str:
    more = len(keys) - SHOWN
    return ", ".join(keys[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _name(value: torch.dtype | torch.layout) -> str:
    return str(value).removeprefix("torch.")

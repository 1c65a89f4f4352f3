"""Weights files of any origin, read without running what they may carry."""

import logging
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from convscope.errors import UserError

LOGGER = logging.getLogger(__name__)
WRAPPERS = ("state_dict", "model_state_dict", "model")
PARALLEL_PREFIX = "module."
PICKLE_START = b"\x80"
ZIP_START = b"PK"


def read_state(source: str | Path) -> dict[str, torch.Tensor]:
    """Read the tensors of a ``.safetensors`` or ``.pth`` file, whatever its name.

    A checkpoint that holds them under ``state_dict`` (``model``, ``model_state_dict``) is
    unwrapped, and the prefix ``module.`` of DataParallel is taken away; both are logged.

    Raises
    ------
    UserError
        If the file is missing, is no weights file, is cut off, or is a pickle that holds more than
        tensors: such a file can run code when read, and it is refused without being run.
    """
    path = Path(source)
    if not path.is_file():
        raise UserError(
            "the weights file is missing", where=str(path), remedy="Correct its path in the config."
        )
    with path.open("rb") as stream:
        start = stream.read(9)
    content = _read_safetensors(path) if start[8:] == b"{" else _read_torch(path, start)
    state = _unwrapped(content, path)
    if state and all(key.startswith(PARALLEL_PREFIX) for key in state):
        LOGGER.info("%s: the prefix %r of its keys is taken away", path, PARALLEL_PREFIX)
        state = {key.removeprefix(PARALLEL_PREFIX): value for key, value in state.items()}
    return state


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(path, device="cpu")
    except SafetensorError as error:
        raise _not_weights(path, str(error)) from None


def _read_torch(path: Path, start: bytes) -> Any:
    try:
        # Only the zip format can be memory-mapped; files from before torch 1.6 are plain pickles.
        return torch.load(
            path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
        )
    except OSError:
        raise
    except Exception as error:
        # Foreign bytes fail in any way; what matters is that nothing of them was run.
        reason = _first_line(error)
        whole = zipfile.is_zipfile(path) if start.startswith(ZIP_START) else False
        if "weights_only" in str(error) and (whole or start.startswith(PICKLE_START)):
            raise UserError(
                f"it is a pickle that can hold code, not only tensors: it is refused and its code "
                f"was not run ({reason})",
                where=str(path),
                remedy="Save just the tensors, torch.save(network.state_dict(), ...), where you "
                "trust the file.",
            ) from None
        raise _not_weights(path, reason) from None


def _unwrapped(content: Any, path: Path) -> dict[str, torch.Tensor]:
    if isinstance(content, Mapping):
        for key in WRAPPERS:
            if isinstance(content.get(key), Mapping):
                LOGGER.info("%s: a checkpoint; its weights lie under %r", path, key)
                content = content[key]
                break
    if not isinstance(content, Mapping):
        raise _not_weights(path, f"it holds a {type(content).__name__}")
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, torch.Tensor):
            raise _not_weights(path, f"{key!r} holds a {type(value).__name__}, not a tensor")
    return dict(content)


def _not_weights(path: Path, reason: str) -> UserError:
    return UserError(
        f"not a whole weights file ({reason})",
        where=str(path),
        remedy="Give a torchvision state dict, saved as .safetensors or by torch.save.",
    )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if "GLOBAL" in line or "nsupported" in line]
    return (telling or lines or [""])[0][:200] or type(error).__name__

"""What each rule's numbers depend on: one plain dict a rule, and nothing else in it."""

from functools import cache
from pathlib import Path
from typing import Any

from convscope.code_digest import code_of
from convscope.digests import normalised, settings_digest
from convscope.planning.local_files import local_sha256
from convscope.planning.network_entries import Network
from convscope.versions import versions_of

SCRIPTS = Path(__file__).resolve().parents[2]
PACKAGES = {
    "convert_weights": ("safetensors", "torch"),
    "make_random_weights": ("safetensors", "torch", "torchvision"),
    "train_reference": ("numpy", "pillow", "safetensors", "torch"),
    "check_network": ("torch", "torchvision"),
    "draw_scenes": ("h5py", "numpy", "pillow"),
    "prepare_images": ("h5py", "numpy", "pillow"),
    "extract_features": ("h5py", "torch", "torchvision"),
    "tabulate_predictions": ("h5py", "jinja2", "numpy", "pandas", "pyarrow"),
    "project_features": ("h5py", "numpy", "torch", "torchvision"),
    "measure_controls": ("h5py", "numpy", "torch", "torchvision"),
    "plot_projections": ("h5py", "matplotlib", "numpy", "pillow"),
    "rank_batch": ("h5py", "numpy"),
    "rank_units": ("h5py", "numpy"),
    "project_units": ("h5py", "numpy", "torch", "torchvision"),
    "project_evolution": ("h5py", "numpy", "safetensors", "torch", "torchvision"),
    "plot_units": ("h5py", "matplotlib", "numpy", "pillow"),
    "plot_evolution": ("h5py", "matplotlib", "numpy", "pillow"),
    "build_projection_pages": ("jinja2", "numpy", "pillow"),
    "occlude": ("h5py", "numpy", "torch", "torchvision"),
    "score_occlusion": ("h5py", "numpy", "pillow", "torch", "torchvision"),
    "plot_occlusion": ("h5py", "matplotlib", "numpy", "pillow"),
    "tabulate_occlusion": ("h5py", "numpy", "pillow"),
    "build_occlusion_pages": ("h5py", "jinja2", "matplotlib", "numpy", "pillow"),
    "measure_invariance": ("h5py", "numpy", "torch", "torchvision"),
    "tabulate_invariance": ("h5py", "numpy", "pandas", "pyarrow"),
    "plot_invariance": ("h5py", "matplotlib", "numpy", "pillow"),
    "measure_correspondence": ("h5py", "numpy", "pandas", "pyarrow", "torch", "torchvision"),
    "tabulate_correspondence": ("numpy", "pandas", "pyarrow"),
    "build_invariance_pages": ("jinja2", "numpy", "pandas", "pillow", "pyarrow"),
    "maximise_class": ("h5py", "numpy", "torch", "torchvision"),
    "judge_transfer": ("h5py", "numpy", "torch", "torchvision"),
    "tabulate_maximisation": ("h5py", "numpy", "pandas", "pyarrow"),
    "plot_maximisation": ("h5py", "matplotlib", "numpy", "pillow"),
    "plot_networks": ("h5py", "matplotlib", "numpy", "pillow"),
    "build_maximisation_pages": ("jinja2", "numpy", "pandas", "pillow", "pyarrow"),
    "invert_features": ("h5py", "numpy", "torch", "torchvision"),
    "tabulate_inversion": ("h5py", "numpy", "pandas", "pyarrow"),
    "plot_inversion": ("h5py", "matplotlib", "numpy", "pillow"),
    "build_inversion_pages": ("jinja2", "numpy", "pandas", "pillow", "pyarrow"),
    "build_report": ("h5py", "jinja2", "numpy", "pandas", "pillow", "pyarrow"),
}
"""Packages whose versions are part of a rule's settings."""


def rule_settings(rule: str, /, **values: Any) -> dict[str, Any]:
    """Return a rule's params: its values, the digest of its code, the versions it depends on.

    Parameters
    ----------
    rule
        The rule, whose adapter is ``scripts/<rule>.py``.
    values
        The slice of the configuration that changes the rule's numbers.
    """
    return normalised({**values, **_code_and_packages(rule)})


@cache
def _code_and_packages(rule: str) -> dict[str, Any]:
    # Neither changes while a run is planned, and a plan asks for them once a job.
    return {
        "code": code_of(SCRIPTS / f"{rule}.py"),
        "packages": versions_of(*PACKAGES[rule]),
    }


def weights_settings(network: Network) -> dict[str, Any]:
    """Return the settings of the rule that makes a network's weights file."""
    shared = {
        "architecture": network.architecture.name,
        "classes": len(network.classes),
        "reference": network.reference,
    }
    weights = network.weights
    if weights.kind == "trained":
        return rule_settings("train_reference", training=dict(weights.training or {}))
    if weights.kind == "random":
        return rule_settings("make_random_weights", **shared, seed=weights.seed)
    sha256 = weights.sha256 if weights.kind == "file" else None
    return rule_settings("convert_weights", **shared, sha256=sha256)


def weights_digest(network: Network) -> str:
    """Return the name of a network's weights: what they are, not what an experiment calls them.

    Made weights (random, trained) are named by settings, seed and code, published ones by address
    and sha256, files by their content.
    """
    weights = network.weights
    settings = weights_settings(network)
    if weights.kind in ("published", "file"):
        settings = {key: settings[key] for key in ("architecture", "classes", "reference")}
        if weights.kind == "published":
            settings |= {"place": weights.place, "sha256": weights.sha256}
        else:
            settings |= {"sha256": weights.sha256 or local_sha256(weights.place)}
    return settings_digest(settings)

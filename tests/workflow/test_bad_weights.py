"""Weights files that cannot be used are refused by the workflow; code in them is not run."""

import os

import torch

from convscope.networks.reference import reference_network


class Payload:
    """Makes a folder when it is unpickled the careless way."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (str(self.place),)


def test_bad_weights_are_refused_each_with_its_reason(project, tmp_path):
    network = reference_network([4, 8], 8, 64)
    state = network.state_dict()
    first = next(iter(state))
    trace = tmp_path / "code_was_run"
    torch.save({**state, "extra": Payload(trace)}, tmp_path / "code.pth")
    torch.save({key: state[key] for key in state if key != first}, tmp_path / "missing.pth")
    torch.save({**state, first: state[first] * float("nan")}, tmp_path / "nan.pth")
    names = ["code", "missing", "nan"]
    entry = {"architecture": "reference", "classes": "scenes", "preprocessing": "scenes"}
    config = project.write(
        {
            "experiment": "bad",
            "networks": names,
            "sample_sets": ["scenes"],
            "methods": [],
            "network_definitions": {
                name: {**entry, "weights": f"{name}.pth", "training": {"widths": [4, 8]}}
                for name in names
            },
        }
    )
    outcome = project.run("--until", "convert_weights", "--keep-going", config=config)
    assert outcome.status != 0
    lines = [line for line in outcome.text.splitlines() if " ERROR " in line]
    said = {name: [line for line in lines if f"{name}.pth: " in line] for name in names}
    assert all(said.values()), outcome.text
    assert any("its code was not run" in line for line in said["code"])
    assert any(f"missing key ({first})" in line for line in said["missing"])
    assert any(f"{first} holds NaN" in line for line in said["nan"])
    assert not trace.exists()
    assert "Traceback" not in outcome.text
    assert not list(project.directory.glob("results/shared/weights/**/*.safetensors*"))

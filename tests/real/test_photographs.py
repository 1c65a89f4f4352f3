"""The whole workflow on 106 real photographs and a real network, and on the three big ones."""

import pandas as pd
import pytest
import yaml

from servers import serving
from snakemake_runs import snakemake

pytestmark = pytest.mark.real
SQUEEZENET_SHA256 = "bf7a9b154e34b1f1c6dc4c9a9f19acc80979c95685ee3751e1053d9251872462"


def write_sheet(path, rows):
    lines = ["image\tsource\tlabel\tsha256"]
    for row in rows:
        name = row["file"].removesuffix(".JPEG")
        lines.append(f"{name}\t{{photographs}}/{row['file']}\t{row['wnid']}\t{row['sha256']}")
    path.write_text("\n".join(lines) + "\n")


def write_config(path, **keys):
    path.write_text(yaml.safe_dump({"sample_sets": ["real"], **keys}))
    return path


def test_top1_and_top5_of_the_real_squeezenet(tmp_path, photographs, squeezenet):
    folder, rows = photographs
    write_sheet(tmp_path / "real.tsv", rows)
    with serving(folder) as server:
        config = write_config(
            tmp_path / "real.yaml",
            experiment="real",
            methods=[],
            networks=["squeezenet"],
            variants=["normal"],
            network_definitions={
                "squeezenet": {
                    "architecture": "squeezenet1_0",
                    "weights": str(squeezenet),
                    "sha256": SQUEEZENET_SHA256,
                }
            },
            sample_set_definitions={"real": {"kind": "sheet", "sheet": "real.tsv"}},
            base_urls={"photographs": server.base},
        )
        first = snakemake(tmp_path, config=config)
        assert first.status == 0, first.text
        second = snakemake(tmp_path, config=config)
    assert second.nothing_to_do, second.text
    table = pd.read_csv(tmp_path / "results/real/predictions/predictions.csv")
    assert len(table) == 106
    assert (table["label_rank"] == 1).sum() == pytest.approx(64, abs=1)
    assert (table["label_rank"] <= 5).sum() == pytest.approx(86, abs=1)
    ostrich = table[table["image"] == "n01518878_ostrich"].iloc[0]
    assert ostrich["predicted"] == "ostrich"
    assert ostrich["probability"] == pytest.approx(0.9975, abs=5e-4)


def test_the_three_big_networks_go_through_the_rules_of_features(tmp_path, photographs):
    folder, rows = photographs
    chosen = [row for row in rows if row["class_name"] in ("ostrich", "snail")]
    write_sheet(tmp_path / "real.tsv", chosen)
    names = ["vgg16", "vgg19", "alexnet"]
    with serving(folder) as server:
        config = write_config(
            tmp_path / "big.yaml",
            experiment="big",
            methods=[],
            networks=names,
            variants=["normal", "rotate_90_clockwise", "rotated"],
            network_definitions={
                name: {"architecture": name, "weights": "random", "seed": 3} for name in names
            },
            sample_set_definitions={"real": {"kind": "sheet", "sheet": "real.tsv"}},
            base_urls={"photographs": server.base},
        )
        outcome = snakemake(tmp_path, config=config)
    assert outcome.status == 0, outcome.text
    table = pd.read_parquet(tmp_path / "results/big/predictions/predictions.parquet")
    assert table.groupby(["network", "variant"])["image"].nunique().to_dict() == {
        (name, variant): 2
        for name in names
        for variant in ("normal", "rotate_90_clockwise", "rotated")
    }
    assert (tmp_path / "results/big/report/index.html").stat().st_size > 10_000


def test_alexnet_goes_through_every_method(tmp_path, photographs):
    folder, rows = photographs
    write_sheet(tmp_path / "real.tsv", [r for r in rows if r["class_name"] in ("ostrich", "snail")])
    coarse = {
        "vertical_translation": {"from": -30, "to": 30, "step": 30},
        **dict.fromkeys(("horizontal_translation", "scale", "rotation")),
    }
    with serving(folder) as server:
        config = write_config(
            tmp_path / "methods.yaml",
            experiment="methods",
            networks=["alexnet"],
            variants=["normal"],
            network_definitions={"alexnet": {"architecture": "alexnet", "weights": "random"}},
            sample_set_definitions={"real": {"kind": "sheet", "sheet": "real.tsv"}},
            base_urls={"photographs": server.base},
            deconvnet={"images": 1, "layers": ["relu1", "relu5", "fc8"], "top": 2},
            occluders=[{"name": "coarse", "patch": 112, "stride": 56}],
            occlusion={"images": 1},
            invariance={"images": 2, "transforms": coarse},
            maximisation={
                **{"classes": ["ostrich"], "presets": ["ladder_a", "ladder_f"], "iterations": 3},
                **{"snapshots": [0], "threads": 2},
            },
            inversion={"images": 1, "layers": ["relu1", "relu5"], "iterations": 3, "threads": 2},
        )
        outcome = snakemake(tmp_path, config=config)
    assert outcome.status == 0, outcome.text
    report = tmp_path / "results/methods/report"
    for method in ("projections", "occlusion", "invariance", "maximisation", "inversion"):
        assert (report / method / "index.html").stat().st_size > 5_000

"""Which rules follow which, and the names of rows, for the tests of what runs again."""

import yaml

TABLES = {"tabulate_predictions", "build_report"}
FEATURES = {"extract_features", *TABLES}
IMAGES = {"prepare_images", *FEATURES}
SCENES = {"draw_scenes", *IMAGES}
NETWORK = {"check_network", *FEATURES}
TRAINING = {"train_reference", *NETWORK}

GEOMETRY = {"resize": 224, "crop": 224, "interpolation": "bilinear"}
COLOURS = {"mean": [0.4, 0.4, 0.4], "std": [0.2, 0.2, 0.2]}


def toy(**changes):
    return {"sample_set_definitions": {"toy": changes}}


def network(name, **changes):
    return {"network_definitions": {name: changes}}


def name_of(changes):
    text = yaml.safe_dump(changes, default_flow_style=True, width=1000).strip()
    return text.replace(" ", "")[1:-1][:70]

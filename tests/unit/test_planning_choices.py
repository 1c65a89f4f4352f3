"""Which layers and images a method looks at."""

import pytest

from convscope.errors import UserError
from convscope.networks.architectures import load_architecture
from convscope.planning.choices import chosen_images, chosen_layers
from planning_toys import ROOT

SETS = {"toys": [f"toy_{k}" for k in range(40)], "scenes": ["scene_0", "scene_1"]}


@pytest.fixture(scope="module")
def vgg16():
    return load_architecture(ROOT / "workflow/architectures", "vgg16")


def names(layers):
    return [layer.common_name for layer in layers]


def test_rectified_layers_are_every_relu_and_the_class_layer(vgg16):
    found = names(chosen_layers(vgg16, "rectified", "here"))
    assert found[:2] == ["relu1_1", "relu1_2"]
    assert found[-3:] == ["relu6", "relu7", "fc8"]
    assert len(found) == 16


def test_a_pooled_classifier_counts_as_the_class_layer():
    squeezenet = load_architecture(ROOT / "workflow/architectures", "squeezenet1_0")
    assert names(chosen_layers(squeezenet, "rectified", "here"))[-2:] == ["relu10", "pool10"]


def test_all_layers(vgg16):
    assert chosen_layers(vgg16, "all", "here") == list(vgg16.layers)


def test_named_layers_stand_in_the_order_of_computation(vgg16):
    assert names(chosen_layers(vgg16, ["fc8", "features.29", "relu1_1"], "here")) == [
        *("relu1_1", "relu5_3", "fc8")
    ]
    twice = chosen_layers(vgg16, ["features.29", "relu5_3"], "here")
    assert len(twice) == 1


def test_an_unknown_layer_is_named_with_its_neighbours(vgg16):
    with pytest.raises(UserError) as raised:
        chosen_layers(vgg16, ["relu5_4"], "config key deconvnet.layers")
    message = str(raised.value)
    assert all(part in message for part in ("deconvnet.layers", "'relu5_4'", "relu5_3"))


def test_all_images_or_named_ones():
    assert len(chosen_images(SETS, "all", "here")) == 42
    assert chosen_images(SETS, ["toy_3", "scene_1"], "here") == {"toy_3", "scene_1"}
    assert chosen_images(SETS, [], "here") == frozenset()


def test_a_number_counts_in_each_set():
    chosen = chosen_images(SETS, 5, "here")
    assert sum(image.startswith("toy") for image in chosen) == 5
    assert {"scene_0", "scene_1"} <= chosen
    assert chosen_images(SETS, 0, "here") == frozenset()


def test_a_number_is_a_scattered_choice_that_an_added_image_hardly_changes():
    before = chosen_images(SETS, 5, "here")
    assert before != chosen_images({**SETS, "toys": SETS["toys"][:5]}, 5, "here")
    for k in range(40, 60):
        after = chosen_images({**SETS, "toys": [*SETS["toys"], f"toy_{k}"]}, 5, "here")
        assert len(before - after) <= 1
    assert chosen_images({**SETS, "toys": SETS["toys"][::-1]}, 5, "here") == before


def test_an_unknown_image_is_named_with_its_neighbours():
    with pytest.raises(UserError, match=r"(?s)'toy_40'.*Did you mean 'toy_4"):
        chosen_images(SETS, ["toy_40"], "config key deconvnet.images")

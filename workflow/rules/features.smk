"""Push every image and variant through every network once.

Reads: <results>/images, weights. Writes: <results>/features. Uses a GPU where one is given.
"""


rule extract_features:
    """Write the logits, the peaks of every layer and chosen activations of one batch."""
    input:
        images=lambda wildcards: SETTINGS.images_file(
            wildcards.network, wildcards.batch
        ),
        weights=lambda wildcards: SETTINGS.weights_file(wildcards.network),
        check="<results>/networks/{network}/check.json",
    output:
        "<results>/features/{network}/{batch}/features.h5",
    log:
        "<logs>/extract_features/{network}/{batch}.log",
    cache: True
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
    params:
        settings=lambda wildcards: SETTINGS.extract_features(
            wildcards.network, wildcards.batch
        ),
    script:
        "../../scripts/extract_features.py"


rule features:
    """The features of all images by all networks."""
    input:
        SETTINGS.features_files(),

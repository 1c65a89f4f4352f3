"""Decode, resize and crop images, once for each batch and distinct geometry.

Reads: image files, containers, scenes. Writes: <results>/images. No GPU, no torch.
"""


rule prepare_images:
    """Decode, resize and crop the images of one batch."""
    input:
        lambda wildcards: by_content(*SETTINGS.image_inputs(wildcards.batch)),
    output:
        "<results>/images/{preprocessing}/{batch}/images.h5",
    log:
        "<logs>/prepare_images/{preprocessing}/{batch}.log",
    benchmark:
        "<benchmarks>/prepare_images/{preprocessing}/{batch}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=lambda wildcards: SETTINGS.prepare_images(
            wildcards.preprocessing, wildcards.batch
        ),
    script:
        "../../scripts/prepare_images.py"

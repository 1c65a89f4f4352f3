"""Fetch what comes from outside: photographs, samples of Mini-ImageNet, weights.

Reads: the network. Writes: <shared>/images, <shared>/samples, <shared>/weights. No GPU, no torch; on
a cluster these jobs stay on the login node. They depend on address and checksum, never on code.
"""


rule fetch_image:
    """Fetch one image file, bytes as they are."""
    output:
        "<shared>/images/{source_digest}/image",
    log:
        "<shared>/logs/fetch_image/{source_digest}.log",
    benchmark:
        "<shared>/benchmarks/fetch_image/{source_digest}.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        arguments=lambda wildcards: SETTINGS.fetch_image(wildcards.source_digest),
    shell:
        "python -m fetch_image {params.arguments} --output {output:q} --log {log:q}"


rule fetch_mini_imagenet:
    """Fetch one row group of Mini-ImageNet into a container with a manifest."""
    output:
        container="<shared>/samples/mini_imagenet/{revision}/{split}/{row_group}/images.zip",
        manifest="<shared>/samples/mini_imagenet/{revision}/{split}/{row_group}/manifest.tsv",
    log:
        "<shared>/logs/fetch_mini_imagenet/{revision}/{split}/{row_group}.log",
    cache: True
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        arguments=lambda wildcards: SETTINGS.fetch_mini_imagenet(
            wildcards.revision, wildcards.split, wildcards.row_group
        ),
    shell:
        "python -m fetch_mini_imagenet {params.arguments} "
        "--container {output.container:q} --manifest {output.manifest:q} --log {log:q}"


rule fetch_weights:
    """Fetch one file of torchvision's weights, bytes as they are."""
    output:
        "<shared>/weights/fetched/{weights_digest}/weights.pth",
    log:
        "<shared>/logs/fetch_weights/{weights_digest}.log",
    cache: True
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        arguments=lambda wildcards: SETTINGS.fetch_weights(wildcards.weights_digest),
    shell:
        "python -m fetch_weights {params.arguments} --output {output:q} --log {log:q}"

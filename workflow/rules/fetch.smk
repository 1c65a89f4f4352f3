"""Fetch what comes from outside: photographs, samples of Mini-ImageNet, weights.

Reads: the network. Writes: <shared>/images, <shared>/image_groups, <shared>/samples, <shared>/weights. No GPU, no torch; on
a cluster these jobs stay on the login node. They depend on address and checksum, never on code.
"""


rule fetch_images:
    """Fetch the images of a batch that are not there yet, bytes as they are, and list them all.

    An image lies in <shared>/images/, in a folder named by its address and checksum, so that
    batches and experiments share it. Those that arrive are kept even if others do not.
    """
    output:
        "<shared>/image_groups/{group_digest}/manifest.tsv",
    log:
        "<shared>/logs/fetch_images/{group_digest}.log",
    benchmark:
        "<shared>/benchmarks/fetch_images/{group_digest}.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    threads: 4
    params:
        arguments=lambda wildcards: SETTINGS.fetch_images(wildcards.group_digest),
    shell:
        "python -m fetch_images {params.arguments} --at-once {threads} "
        "--manifest {output:q} --log {log:q}"


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

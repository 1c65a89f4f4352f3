"""Make every network's weights one safetensors file, and check the network.

Reads: fetched or local weights. Writes: <shared>/weights, <results>/networks. The training of the
reference network uses a GPU where one is given.
"""


rule convert_weights:
    """Convert a weights file to safetensors after checking every tensor in it."""
    input:
        lambda wildcards: by_content(SETTINGS.weights_source(wildcards.weights_digest)),
    output:
        "<shared>/weights/converted/{weights_digest}/weights.safetensors",
    log:
        "<shared>/logs/convert_weights/{weights_digest}.log",
    cache: True
    conda:
        "../../envs/environment.yaml"
    params:
        settings=lambda wildcards: SETTINGS.weights(wildcards.weights_digest),
    script:
        "../../scripts/convert_weights.py"


rule make_random_weights:
    """Draw a network's weights as torchvision initialises them, from a seed."""
    output:
        "<shared>/weights/random/{weights_digest}/weights.safetensors",
    log:
        "<shared>/logs/make_random_weights/{weights_digest}.log",
    cache: True
    conda:
        "../../envs/environment.yaml"
    params:
        settings=lambda wildcards: SETTINGS.weights(wildcards.weights_digest),
    script:
        "../../scripts/make_random_weights.py"


rule train_reference:
    """Train the reference network on generated scenes and keep the weights of several epochs."""
    output:
        weights="<shared>/weights/trained/{weights_digest}/weights.safetensors",
        checkpoints="<shared>/weights/trained/{weights_digest}/checkpoints.safetensors",
        history="<shared>/weights/trained/{weights_digest}/history.tsv",
    log:
        "<shared>/logs/train_reference/{weights_digest}.log",
    cache: True
    conda:
        "../../envs/environment.yaml"
    threads: lambda wildcards: SETTINGS.training_threads(wildcards.weights_digest)
    resources:
        gpu=1,
    params:
        settings=lambda wildcards: SETTINGS.weights(wildcards.weights_digest),
    script:
        "../../scripts/train_reference.py"


rule check_network:
    """Check that the methods can treat a network, and write down what it is."""
    input:
        weights=lambda wildcards: SETTINGS.weights_file(wildcards.network),
    output:
        "<results>/networks/{network}/check.json",
    log:
        "<logs>/check_network/{network}.log",
    benchmark:
        "<benchmarks>/check_network/{network}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=lambda wildcards: SETTINGS.check_network(wildcards.network),
    script:
        "../../scripts/check_network.py"

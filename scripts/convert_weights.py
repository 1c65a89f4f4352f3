"""Convert a weights file to safetensors (rule convert_weights)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.networks.weights import convert_weights

    convert_weights(
        snakemake.input[0],
        settings["architecture"],
        settings["classes"],
        snakemake.output[0],
        sha256=settings["sha256"],
        reference=settings["reference"],
    )

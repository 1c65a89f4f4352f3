"""Initialise a network at random from a seed (rule make_random_weights)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.networks.weights import make_random_weights

    make_random_weights(
        settings["architecture"],
        settings["seed"],
        settings["classes"],
        snakemake.output[0],
        reference=settings["reference"],
    )

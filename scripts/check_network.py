"""Check that a network runs as planned (rule check_network)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.networks.check import check_network

    check_network(
        snakemake.input.weights,
        snakemake.output[0],
        architecture=settings["architecture"],
        classes=settings["classes"],
        preprocessing=settings["preprocessing"],
        layers=settings["layers"],
        reference=settings["reference"],
        notes=settings["notes"],
    )

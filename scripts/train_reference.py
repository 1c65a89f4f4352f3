"""Train the reference network on generated scenes (rule train_reference)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.devices import choose_device
    from convscope.networks.train import train_reference

    train_reference(
        settings["training"],
        device=choose_device(snakemake.resources.get("gpu", 0)),
        threads=settings["training"]["threads"],
        output=snakemake.output.weights,
        checkpoints=snakemake.output.checkpoints,
        log_table=snakemake.output.history,
    )

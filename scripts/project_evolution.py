"""Project chosen channels as they were at each kept epoch (rule project_evolution)."""

from convscope.jobs import running

KEYS = ("layers", "channels", "seed", "final_epoch", "mean", "std", "unpooling", "rule", "storage")

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from functools import partial

    from convscope.deconvnet.evolution import project_evolution
    from convscope.devices import choose_device, computing
    from convscope.networks.epochs import network_of_epoch
    from convscope.networks.planned import network_facts
    from convscope.networks.training_files import kept_epochs

    device = choose_device(snakemake.resources.get("gpu", 0))
    path = snakemake.input.checkpoints
    with computing(snakemake.threads):
        project_evolution(
            partial(
                network_of_epoch,
                path,
                classes=settings["classes"],
                device=device,
                reference=settings["reference"],
            ),
            kept_epochs(path),
            snakemake.input.units,
            snakemake.input.images,
            snakemake.output[0],
            ids=settings["images"],
            **{key: settings[key] for key in KEYS},
            attributes={
                "network": network_facts(snakemake.input.check),
                "packages": settings["packages"],
            },
            device=device,
        )

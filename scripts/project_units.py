"""Project chosen channels in the images that excite them most (rule project_units)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.deconvnet.project_units import project_units
    from convscope.devices import choose_device, computing
    from convscope.networks.planned import network_facts, planned_network

    device = choose_device(snakemake.resources.get("gpu", 0))
    with computing(snakemake.threads):
        network = planned_network(settings, snakemake.input.weights, device)
        keys = ("layers", "channels", "seed", "mean", "std", "unpooling", "rule", "storage")
        project_units(
            network,
            snakemake.input.units,
            snakemake.input.images,
            snakemake.output[0],
            **{key: settings[key] for key in keys},
            attributes={
                "network": network_facts(snakemake.input.check),
                "packages": settings["packages"],
            },
            device=device,
        )

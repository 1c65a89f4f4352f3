"""Project chosen channels in the images that excite them most (rule project_units)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.deconvnet.project_units import project_units
    from convscope.devices import choose_device, computing
    from convscope.networks.build import build_network
    from convscope.networks.check import read_summary

    device = choose_device(snakemake.resources.get("gpu", 0))
    summary = read_summary(snakemake.input.check)
    with computing(snakemake.threads):
        network = build_network(
            settings["architecture"],
            snakemake.input.weights,
            classes=settings["classes"],
            device=device,
            reference=settings["reference"],
        )
        keys = ("layers", "channels", "seed", "mean", "std", "unpooling", "rule", "storage")
        project_units(
            network,
            snakemake.input.units,
            snakemake.input.images,
            snakemake.output[0],
            **{key: settings[key] for key in keys},
            attributes={
                "network": {key: summary[key] for key in ("architecture", "weights_sha256")},
                "packages": settings["packages"],
            },
            device=device,
        )

"""Measure how one batch's features and predictions move (rule measure_invariance)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.devices import choose_device, computing
    from convscope.images.store import read_images
    from convscope.invariance.measure import measure_invariance
    from convscope.invariance.transforms import transform_from
    from convscope.networks.planned import network_facts, planned_network

    device = choose_device(snakemake.resources.get("gpu", 0))
    with computing(snakemake.threads):
        measure_invariance(
            planned_network(settings, snakemake.input.weights, device),
            read_images(snakemake.input.images, settings["image_ids"]),
            snakemake.output[0],
            transforms=[transform_from(entry) for entry in settings["transforms"]],
            **{key: settings[key] for key in ("layers", "fill", "labels", "mean", "std")},
            attributes={
                "network": network_facts(snakemake.input.check),
                "packages": settings["packages"],
            },
            device=device,
        )

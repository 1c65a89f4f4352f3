"""Compare the projections of one batch with their controls (rule measure_controls)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.deconvnet.control_batch import measure_batch_controls
    from convscope.devices import choose_device, computing
    from convscope.images.store import read_images
    from convscope.networks.planned import network_facts, planned_network

    device = choose_device(snakemake.resources.get("gpu", 0))
    with computing(snakemake.threads):
        measure_batch_controls(
            planned_network(settings, snakemake.input.weights, device),
            read_images(snakemake.input.images),
            snakemake.input.deconv,
            snakemake.output[0],
            seeds=settings["seeds"],
            storage=settings["storage"],
            attributes={
                "network": network_facts(snakemake.input.check),
                "packages": settings["packages"],
            },
            device=device,
        )

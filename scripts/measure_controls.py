"""Compare the projections of one batch with their controls (rule measure_controls)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.deconvnet.control_batch import measure_batch_controls
    from convscope.devices import choose_device, computing
    from convscope.images.store import read_images
    from convscope.networks.build import build_network
    from convscope.networks.check import read_summary

    device = choose_device(snakemake.resources.get("gpu", 0))
    summary = read_summary(snakemake.input.check)
    with computing(snakemake.threads):
        measure_batch_controls(
            build_network(
                settings["architecture"],
                snakemake.input.weights,
                classes=settings["classes"],
                device=device,
                reference=settings["reference"],
            ),
            read_images(snakemake.input.images),
            snakemake.input.deconv,
            snakemake.output[0],
            seeds=settings["seeds"],
            storage=settings["storage"],
            attributes={
                "network": {key: summary[key] for key in ("architecture", "weights_sha256")},
                "packages": settings["packages"],
            },
            device=device,
        )

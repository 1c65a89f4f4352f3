"""Measure how one batch's features and predictions move (rule measure_invariance)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.devices import choose_device, computing
    from convscope.images.store import read_images
    from convscope.invariance.measure import measure_invariance
    from convscope.invariance.transforms import transform_from
    from convscope.networks.build import build_network
    from convscope.networks.check import read_summary

    device = choose_device(snakemake.resources.get("gpu", 0))
    summary = read_summary(snakemake.input.check)
    with computing(snakemake.threads):
        measure_invariance(
            build_network(
                settings["architecture"],
                snakemake.input.weights,
                classes=settings["classes"],
                device=device,
                reference=settings["reference"],
            ),
            read_images(snakemake.input.images, settings["image_ids"]),
            snakemake.output[0],
            transforms=[transform_from(entry) for entry in settings["transforms"]],
            **{key: settings[key] for key in ("layers", "fill", "labels", "mean", "std")},
            attributes={
                "network": {key: summary[key] for key in ("architecture", "weights_sha256")},
                "packages": settings["packages"],
            },
            device=device,
        )

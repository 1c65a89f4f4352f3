"""Compare what masked parts change in different images (rule measure_correspondence)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.devices import choose_device, computing
    from convscope.invariance.correspondence_files import measure_sets
    from convscope.networks.planned import planned_network

    device = choose_device(snakemake.resources.get("gpu", 0))
    with computing(snakemake.threads):
        measure_sets(
            planned_network(settings, snakemake.input.weights, device),
            settings["sets"],
            snakemake.output[0],
            image_files=snakemake.input.images,
            scene_files=snakemake.input.scenes,
            random_count=settings["random_boxes"],
            **{key: settings[key] for key in ("layers", "fill", "mean", "std", "seed")},
            device=device,
        )

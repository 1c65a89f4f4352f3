"""Slide an occluder over the images of one batch (rule occlude)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.devices import choose_device, computing
    from convscope.images.store import read_images
    from convscope.networks.planned import network_facts, planned_network
    from convscope.occlusion.occlude import Occlusion, planned_method
    from convscope.occlusion.occlude_batch import occlude_batch
    from convscope.occlusion.occluders import occluder_of
    from convscope.occlusion.times import write_times

    device = choose_device(snakemake.resources.get("gpu", 0))
    with computing(snakemake.threads):
        network = planned_network(settings, snakemake.input.weights, device)
        images = read_images(snakemake.input.images, settings["image_ids"])
        seconds = occlude_batch(
            Occlusion(
                network,
                occluder_of({"name": "occluder", **settings["occluder"]}),
                mean=settings["mean"],
                std=settings["std"],
                method=planned_method(settings["method"], settings["refinement"]),
            ),
            images,
            settings["labels"],
            snakemake.output.maps,
            network=network_facts(snakemake.input.check),
            packages=settings["packages"],
        )
    write_times(snakemake.output.times, images.ids, seconds)

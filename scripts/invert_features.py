"""Invert layers' codes of one batch's chosen images (rule invert_features)."""

from convscope.jobs import running

KEYS = ("layers", "presets", "seed", "mean", "std")

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.devices import choose_device, computing
    from convscope.images.store import read_images
    from convscope.networks.planned import network_facts, planned_network
    from convscope.synthesis.batches import Resuming
    from convscope.synthesis.invert import invert_features

    device = choose_device(snakemake.resources.get("gpu", 0))
    about = network_facts(snakemake.input.check)
    images = read_images(snakemake.input.images)
    facts = {"settings": settings, "weights_sha256": about["weights_sha256"]}
    facts["pixel_sha256"] = list(images.pixel_sha256)
    seconds = snakemake.resources.checkpoint_seconds
    with computing(settings["threads"]):
        network = planned_network(settings, snakemake.input.weights, device)
        invert_features(
            network,
            images,
            snakemake.output[0],
            ids=settings["image_ids"],
            **{key: settings[key] for key in KEYS},
            device=device,
            memory=settings["memory"] * 1e9,
            resuming=Resuming.beside(snakemake.output[0], facts, device, seconds),
            attributes={
                "network": about,
                "packages": settings["packages"],
            },
        )

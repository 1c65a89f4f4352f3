"""Project the strongest units of one batch by one network (rule project_features)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.deconvnet.project_batch import project_features
    from convscope.devices import choose_device, computing
    from convscope.images.store import read_images
    from convscope.networks.planned import network_facts, planned_network

    device = choose_device(snakemake.resources.get("gpu", 0))
    names = ("layers", "image_ids", "variants", "mean", "std", "select", "top", "unpooling")
    with computing(snakemake.threads):
        project_features(
            planned_network(settings, snakemake.input.weights, device),
            read_images(snakemake.input.images),
            snakemake.input.features,
            snakemake.output[0],
            **{name: settings[name] for name in (*names, "rule", "storage", "explained_from")},
            attributes={
                "network": network_facts(snakemake.input.check),
                "packages": settings["packages"],
            },
            device=device,
        )

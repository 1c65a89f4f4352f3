"""Extract the features of one batch by one network (rule extract_features)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.devices import choose_device, computing
    from convscope.features.extract import extract_features, layer_entries
    from convscope.images.store import read_images
    from convscope.networks.check import read_summary
    from convscope.networks.planned import network_facts, planned_network

    device = choose_device(snakemake.resources.get("gpu", 0))
    summary = read_summary(snakemake.input.check)
    with computing(snakemake.threads):
        network = planned_network(settings, snakemake.input.weights, device)
        extract_features(
            network,
            read_images(snakemake.input.images),
            snakemake.output[0],
            layers=layer_entries(summary["layer_table"]),
            variants=settings["variants"],
            mean=settings["mean"],
            std=settings["std"],
            stored_layers=settings["stored_layers"],
            activations=settings["activations"],
            attributes={
                "network": network_facts(snakemake.input.check),
                "packages": settings["packages"],
            },
            device=device,
        )

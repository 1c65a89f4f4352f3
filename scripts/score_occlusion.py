"""Score the maps of one network, batch and occluder (rule score_occlusion)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.devices import choose_device, computing
    from convscope.networks.planned import network_facts, planned_network
    from convscope.occlusion.occluders import occluder_of
    from convscope.occlusion.score_batch import Scenes, Scorer, score_batch

    device = choose_device(snakemake.resources.get("gpu", 0))
    scenes = snakemake.input.get("scenes")
    with computing(snakemake.threads):
        network = planned_network(settings, snakemake.input.weights, device)
        occluder = occluder_of({"name": "occluder", **settings["occluder"]})
        options = {key: settings[key] for key in ("mean", "std", "steps", "seed")}
        score_batch(
            Scorer(network, occluder, **options),
            occlusion=snakemake.input.maps,
            images=snakemake.input.images,
            scenes=Scenes(scenes, **settings["scenes"]) if scenes else None,
            output=snakemake.output[0],
            attributes={
                "network": network_facts(snakemake.input.check),
                "packages": settings["packages"],
            },
        )

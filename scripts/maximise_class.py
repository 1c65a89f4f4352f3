"""Make images that maximise a class's score (rule maximise_class)."""

from convscope.jobs import running

KEYS = ("presets", "seeds", "snapshots", "rows_at_once", "mean", "std")

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.devices import choose_device, computing
    from convscope.networks.planned import network_facts, planned_network
    from convscope.synthesis.batches import Resuming
    from convscope.synthesis.maximise import NamedClass, maximise_class

    device = choose_device(snakemake.resources.get("gpu", 0))
    about = network_facts(snakemake.input.check)
    facts = {"settings": settings, "weights_sha256": about["weights_sha256"]}
    seconds = snakemake.resources.checkpoint_seconds
    with computing(settings["threads"]):
        maximise_class(
            planned_network(settings, snakemake.input.weights, device),
            snakemake.output[0],
            target=NamedClass(**settings["target"]),
            **{key: settings[key] for key in KEYS},
            device=device,
            resuming=Resuming.beside(snakemake.output[0], facts, device, seconds),
            attributes={
                "network": about,
                "packages": settings["packages"],
            },
        )

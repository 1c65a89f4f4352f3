"""Ask the run's other networks what they see in a class's images (rule judge_transfer)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.classes.lists import planned_class_list
    from convscope.devices import choose_device, computing
    from convscope.networks.check import read_summary
    from convscope.networks.planned import planned_network
    from convscope.synthesis.judge import judge_maximisation
    from convscope.synthesis.transfer import write_transfers

    device = choose_device(0)
    transfers = []
    files = zip(snakemake.input.weights, snakemake.input.checks, strict=True)
    with computing(snakemake.threads):
        for judge, (weights, check) in zip(settings["judges"], files, strict=True):
            transfers += judge_maximisation(
                snakemake.input.made,
                planned_network(judge, weights, device),
                name=judge["name"],
                weights_sha256=read_summary(check)["weights_sha256"],
                classes=planned_class_list(judge["class_list"]),
                mean=judge["mean"],
                std=judge["std"],
                device=device,
            )
    write_transfers(snakemake.output[0], transfers)

"""Draw classes that several networks made, side by side (rule plot_networks)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.synthesis.figures.files import draw_networks_of_classes
    from convscope.synthesis.transfer import transfers_by_file

    files = settings["files"]
    judged = transfers_by_file(files, snakemake.input.transfers)
    draw_networks_of_classes(
        snakemake.output[0],
        [
            {"network": entry["network"], "path": path, "transfers": transfers}
            for entry, path, transfers in zip(files, snakemake.input.made, judged, strict=True)
        ],
    )

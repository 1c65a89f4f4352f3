"""Draw the sheets of one network and batch (rule plot_projections)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.classes.lists import class_channels
    from convscope.deconvnet.figures.sheet_files import draw_sheets

    draw_sheets(
        snakemake.output[0],
        projections=snakemake.input.projections,
        controls=snakemake.input.controls,
        images=snakemake.input.images,
        network=settings["network"],
        mean=settings["mean"],
        classes=class_channels(settings["classes"], settings["class_layers"]),
    )

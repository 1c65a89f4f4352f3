"""Draw the mosaics of one network, a figure a layer (rule plot_units)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.classes.lists import class_channels
    from convscope.deconvnet.figures.layer_files import draw_mosaics

    draw_mosaics(
        snakemake.output[0],
        snakemake.input[0],
        network=settings["network"],
        classes=class_channels(settings["classes"], settings["class_layers"]),
    )

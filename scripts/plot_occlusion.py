"""Draw the maps of one network, batch and occluder (rule plot_occlusion)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.classes.lists import planned_class_list
    from convscope.occlusion.figures.files import draw_occlusion

    draw_occlusion(
        snakemake.output[0],
        occlusion=snakemake.input.occlusion,
        images=snakemake.input.images,
        scores=snakemake.input.scores,
        network=settings["network"],
        occluder=settings["occluder"],
        sigma=settings["sigma"],
        classes=planned_class_list(settings["classes"]).names,
        labels=settings["labels"],
    )

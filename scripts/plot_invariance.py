"""Draw the curves of all networks and sample sets (rule plot_invariance)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.invariance.figure_files import draw_figures
    from convscope.predictions.labels import class_lists

    paths = zip(snakemake.input.measures, snakemake.input.images, strict=True)
    draw_figures(
        snakemake.output[0],
        [
            {**entry, "path": path, "images": images}
            for entry, (path, images) in zip(settings["files"], paths, strict=True)
        ],
        means=settings["means"],
        class_names={n: entry.names for n, entry in class_lists(settings["classes"]).items()},
        images=settings["panel_images"],
    )

"""Draw the strip of inverted layers of each image (rule plot_inversion)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.synthesis.figures.files import draw_inversions

    draw_inversions(snakemake.output[0], settings["network"], snakemake.input[0])

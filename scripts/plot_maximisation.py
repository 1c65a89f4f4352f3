"""Draw the ladder of one class of one network (rule plot_maximisation)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.synthesis.figures.files import draw_maximisation
    from convscope.synthesis.transfer import read_transfers

    draw_maximisation(
        snakemake.output[0],
        settings["network"],
        snakemake.input.made,
        [transfer for path in snakemake.input.transfers for transfer in read_transfers(path)],
    )

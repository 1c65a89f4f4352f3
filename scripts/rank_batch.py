"""Find the images of one batch that excite each channel most (rule rank_batch)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.deconvnet.rank import rank_batch

    rank_batch(snakemake.input[0], snakemake.output[0], packages=settings["packages"])

"""Find the images of all batches that excite each channel most (rule rank_units)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.deconvnet.rank import merge_ranks

    merge_ranks(snakemake.input, snakemake.output[0], packages=settings["packages"])

"""Build the report's pages of occlusion (rule build_occlusion_pages)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.report.occlusion import build_occlusion_pages

    build_occlusion_pages(
        snakemake.output[0],
        figures=snakemake.input.figures,
        trade_off=snakemake.input.trade_off,
        scores=snakemake.input.scores,
        context=snakemake.input.context,
        settings=settings,
    )

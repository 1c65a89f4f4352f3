"""Build the report's pages of projections (rule build_projection_pages)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.report.projections import build_projection_pages

    build_projection_pages(
        snakemake.output[0],
        sheets=snakemake.input.sheets,
        mosaics=snakemake.input.mosaics,
        strips=snakemake.input.strips,
        settings=settings,
    )

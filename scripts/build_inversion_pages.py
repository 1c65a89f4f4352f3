"""Build the report's pages of inverted layers (rule build_inversion_pages)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.report.inversion import build_inversion_pages

    titles = settings["downloads"]
    build_inversion_pages(
        snakemake.output[0],
        figures=snakemake.input.figures,
        table=snakemake.input.table,
        downloads=[
            {"title": title, "path": path}
            for title, path in zip(titles, snakemake.input.downloads, strict=True)
        ],
        settings=settings,
    )

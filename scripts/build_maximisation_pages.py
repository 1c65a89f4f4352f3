"""Build the report's pages of maximised classes (rule build_maximisation_pages)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.report.maximisation import build_maximisation_pages

    titles = settings["downloads"]
    build_maximisation_pages(
        snakemake.output[0],
        figures=snakemake.input.figures,
        together=next(iter(snakemake.input.together), None),
        table=snakemake.input.table,
        downloads=[
            {"title": title, "path": path}
            for title, path in zip(titles, snakemake.input.downloads, strict=True)
        ],
        settings=settings,
    )

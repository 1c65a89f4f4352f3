"""Build the report's pages of invariance (rule build_invariance_pages)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.report.invariance import build_invariance_pages

    titles = settings["downloads"]
    build_invariance_pages(
        snakemake.output[0],
        figures=snakemake.input.figures,
        summary=snakemake.input.summary,
        correspondence=next(iter(snakemake.input.correspondence), None),
        downloads=[
            {"title": title, "path": path}
            for title, path in zip(titles, snakemake.input.downloads, strict=True)
        ],
        settings=settings,
    )

"""Build the first page of the report, index.html (rule build_report)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from functools import partial

    from convscope.report.index import build_index
    from convscope.variants.draw import draw_variant

    names = [network["name"] for network in settings["networks"]]
    files = zip(snakemake.input.images, settings["image_sets"], strict=True)
    found = {
        "predictions": snakemake.input.predictions,
        "checks": dict(zip(names, snakemake.input.checks, strict=True)),
        "image_files": [{"path": path, "sample_set": sample_set} for path, sample_set in files],
        "downloads": [
            {"title": title, "path": path}
            for title, path in zip(settings["downloads"], snakemake.input.downloads, strict=True)
        ],
    }
    draw = partial(draw_variant, mean_rgb=settings["mean_rgb"])
    build_index(snakemake.output.index, {**settings, **found}, draw)

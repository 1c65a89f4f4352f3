"""Decode, resize and crop the images of one batch (rule prepare_images)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.images.planned import located
    from convscope.images.prepare import prepare_images

    prepare_images(
        located(settings["sources"], list(snakemake.input)),
        settings["geometry"],
        snakemake.output[0],
        settings["packages"],
    )

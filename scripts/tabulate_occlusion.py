"""Tabulate what each occluder costs and what it finds (rule tabulate_occlusion)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.occlusion.trade_off import write_trade_off

    scenes = iter(snakemake.input.scenes)
    files = zip(settings["jobs"], snakemake.input.maps, snakemake.input.times, strict=True)
    write_trade_off(
        snakemake.output[0],
        [
            {
                "network": job["network"],
                "occluder": job["occluder"],
                "occlusion": maps,
                "times": times,
                "scenes": next(scenes) if job["scene_of"] else None,
                "scene_of": job["scene_of"],
            }
            for job, maps, times in files
        ],
    )

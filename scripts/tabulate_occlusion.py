"""Tabulate what each occluder costs and what it finds (rule tabulate_occlusion)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.occlusion.score_table import write_score_tables
    from convscope.occlusion.trade_off import write_trade_off

    given, output = snakemake.input, snakemake.output
    scenes = iter(given.scenes)
    made = zip(settings["jobs"], given.maps, given.scores, given.times, strict=True)
    files = [
        {
            **job,
            "occlusion": maps,
            "scores": scores,
            "times": times,
            "scenes": next(scenes) if job["scene_of"] else None,
        }
        for job, maps, scores, times in made
    ]
    write_trade_off(output.trade_off, files)
    write_score_tables(output.scores, output.context, files)

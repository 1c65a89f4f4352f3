"""Draw the scenes of one batch (rule draw_scenes)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.scenes.store import write_scenes

    write_scenes(snakemake.output.scenes, settings["ids"], settings["scenes"])

"""Draw generated scenes, each with the mask of the object that decides its class.

Reads: nothing. Writes: <results>/scenes. No GPU, no torch.
"""


rule draw_scenes:
    """Draw the scenes of one batch."""
    output:
        scenes="<results>/scenes/{batch}/scenes.h5",
    log:
        "<logs>/draw_scenes/{batch}.log",
    benchmark:
        "<benchmarks>/draw_scenes/{batch}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=lambda wildcards: SETTINGS.draw_scenes(wildcards.batch),
    script:
        "../../scripts/draw_scenes.py"

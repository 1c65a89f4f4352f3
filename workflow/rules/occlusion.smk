"""Slide occluders over chosen images and draw what the networks miss.

Reads: <results>/images, weights. Writes: <results>/occlusion, <results>/report/occlusion. The maps
and their scores use a GPU where one is given.
"""


rule occlude:
    """Compute the occlusion maps of the chosen images of a batch; times are a file of their own."""
    input:
        images=lambda wildcards: SETTINGS.images_file(
            wildcards.network, wildcards.batch
        ),
        weights=lambda wildcards: SETTINGS.weights_file(wildcards.network),
        check="<results>/networks/{network}/check.json",
    output:
        maps="<results>/occlusion/{network}/{batch}/{occluder}/occlusion.h5",
        times="<results>/occlusion/{network}/{batch}/{occluder}/times.tsv",
    log:
        "<logs>/occlude/{network}/{batch}/{occluder}.log",
    cache: True
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
    params:
        settings=lambda wildcards: SETTINGS.occlusion.occlude(
            wildcards.network, wildcards.batch, wildcards.occluder
        ),
    script:
        "../../scripts/occlude.py"


rule score_occlusion:
    """Measure curves, project the strongest feature maps, on scenes erase and replace."""
    input:
        unpack(lambda wildcards: SETTINGS.occlusion.scenes_of(wildcards.batch)),
        maps="<results>/occlusion/{network}/{batch}/{occluder}/occlusion.h5",
        images=lambda wildcards: SETTINGS.images_file(
            wildcards.network, wildcards.batch
        ),
        weights=lambda wildcards: SETTINGS.weights_file(wildcards.network),
        check="<results>/networks/{network}/check.json",
    output:
        "<results>/occlusion/{network}/{batch}/{occluder}/scores.h5",
    log:
        "<logs>/score_occlusion/{network}/{batch}/{occluder}.log",
    benchmark:
        "<benchmarks>/score_occlusion/{network}/{batch}/{occluder}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
    params:
        settings=lambda wildcards: SETTINGS.occlusion.score_occlusion(
            wildcards.network, wildcards.batch, wildcards.occluder
        ),
    script:
        "../../scripts/score_occlusion.py"


rule plot_occlusion:
    """Draw the occlusion maps of each image, raw, smoothed and over the image."""
    input:
        occlusion="<results>/occlusion/{network}/{batch}/{occluder}/occlusion.h5",
        scores="<results>/occlusion/{network}/{batch}/{occluder}/scores.h5",
        images=lambda wildcards: SETTINGS.images_file(
            wildcards.network, wildcards.batch
        ),
    output:
        directory("<results>/occlusion/{network}/{batch}/{occluder}/figures"),
    log:
        "<logs>/plot_occlusion/{network}/{batch}/{occluder}.log",
    benchmark:
        "<benchmarks>/plot_occlusion/{network}/{batch}/{occluder}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=lambda wildcards: SETTINGS.occlusion.plot_occlusion(
            wildcards.network, wildcards.batch, wildcards.occluder
        ),
    script:
        "../../scripts/plot_occlusion.py"


rule tabulate_occlusion:
    """Tabulate what each occluder costs and finds, the scores of each image, object or context."""
    input:
        maps=SETTINGS.occlusion.maps(),
        scores=SETTINGS.occlusion.scores(),
        times=SETTINGS.occlusion.times(),
        scenes=SETTINGS.occlusion.scenes(),
    output:
        trade_off="<results>/occlusion/trade_off.tsv",
        scores="<results>/occlusion/scores.tsv",
        context="<results>/occlusion/context.tsv",
    log:
        "<logs>/tabulate_occlusion/trade_off.log",
    benchmark:
        "<benchmarks>/tabulate_occlusion/trade_off.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=SETTINGS.occlusion.tabulate_occlusion(),
    script:
        "../../scripts/tabulate_occlusion.py"


rule build_occlusion_pages:
    """Write the report's pages of occlusion: by image, and what patch and stride cost."""
    input:
        figures=SETTINGS.occlusion.figures(),
        trade_off="<results>/occlusion/trade_off.tsv",
        scores="<results>/occlusion/scores.tsv",
        context="<results>/occlusion/context.tsv",
    output:
        report(
            directory("<results>/report/occlusion"),
            htmlindex="index.html",
            caption="../report/occlusion.rst",
            category="Occlusion",
        ),
    log:
        "<logs>/build_occlusion_pages/pages.log",
    benchmark:
        "<benchmarks>/build_occlusion_pages/pages.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=SETTINGS.occlusion.build_occlusion_pages(),
    script:
        "../../scripts/build_occlusion_pages.py"

"""Find the images that excite each unit most, and how units changed during the training.

Reads: <results>/features, <results>/images, weights. Writes: <results>/deconvnet. The projections
use a GPU where one is given.
"""


rule rank_batch:
    """Find the images of one batch that excite each channel most."""
    input:
        "<results>/features/{network}/{batch}/features.h5",
    output:
        "<results>/deconvnet/{network}/{batch}/ranks.h5",
    log:
        "<logs>/rank_batch/{network}/{batch}.log",
    benchmark:
        "<benchmarks>/rank_batch/{network}/{batch}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=SETTINGS.deconvnet.rank_batch(),
    script:
        "../../scripts/rank_batch.py"


rule rank_units:
    """Find the images of the whole run that excite each channel most."""
    input:
        lambda wildcards: SETTINGS.deconvnet.ranks(wildcards.network),
    output:
        "<results>/deconvnet/{network}/units.h5",
    log:
        "<logs>/rank_units/{network}.log",
    benchmark:
        "<benchmarks>/rank_units/{network}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=SETTINGS.deconvnet.rank_units(),
    script:
        "../../scripts/rank_units.py"


rule project_units:
    """Project chosen channels in the images that excite them most."""
    input:
        units="<results>/deconvnet/{network}/units.h5",
        images=lambda wildcards: SETTINGS.deconvnet.image_files(wildcards.network),
        weights=lambda wildcards: SETTINGS.weights_file(wildcards.network),
        check="<results>/networks/{network}/check.json",
    output:
        "<results>/deconvnet/{network}/top_images.h5",
    log:
        "<logs>/project_units/{network}.log",
    benchmark:
        "<benchmarks>/project_units/{network}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
    params:
        settings=lambda wildcards: SETTINGS.deconvnet.project_units(wildcards.network),
    script:
        "../../scripts/project_units.py"


rule project_evolution:
    """Project chosen channels in the image that excites them most at each kept epoch."""
    input:
        units="<results>/deconvnet/{network}/units.h5",
        images=lambda wildcards: SETTINGS.deconvnet.image_files(wildcards.network),
        checkpoints=lambda wildcards: SETTINGS.checkpoints_file(wildcards.network),
        check="<results>/networks/{network}/check.json",
    output:
        "<results>/deconvnet/{network}/evolution.h5",
    log:
        "<logs>/project_evolution/{network}.log",
    benchmark:
        "<benchmarks>/project_evolution/{network}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
    params:
        settings=lambda wildcards: SETTINGS.deconvnet.project_evolution(
            wildcards.network
        ),
    script:
        "../../scripts/project_evolution.py"


rule plot_units:
    """Draw a mosaic of the strongest images and projections of each layer's chosen channels."""
    input:
        "<results>/deconvnet/{network}/top_images.h5",
    output:
        directory("<results>/deconvnet/{network}/mosaics"),
    log:
        "<logs>/plot_units/{network}.log",
    benchmark:
        "<benchmarks>/plot_units/{network}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=lambda wildcards: SETTINGS.deconvnet.plot_units(wildcards.network),
    script:
        "../../scripts/plot_units.py"


rule plot_evolution:
    """Draw how chosen channels changed while the network was trained."""
    input:
        "<results>/deconvnet/{network}/evolution.h5",
    output:
        directory("<results>/deconvnet/{network}/strips"),
    log:
        "<logs>/plot_evolution/{network}.log",
    benchmark:
        "<benchmarks>/plot_evolution/{network}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=lambda wildcards: SETTINGS.deconvnet.plot_evolution(wildcards.network),
    script:
        "../../scripts/plot_evolution.py"

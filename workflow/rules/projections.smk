"""Project the strongest units of chosen images down to the pixels, with controls and sheets.

Reads: <results>/features, <results>/images, weights. Writes: <results>/deconvnet. The projections
use a GPU where one is given.
"""


rule project_features:
    """Project the strongest units of every layer, for chosen images of a batch."""
    input:
        features="<results>/features/{network}/{batch}/features.h5",
        images=lambda wildcards: SETTINGS.images_file(
            wildcards.network, wildcards.batch
        ),
        weights=lambda wildcards: SETTINGS.weights_file(wildcards.network),
        check="<results>/networks/{network}/check.json",
    output:
        "<results>/deconvnet/{network}/{batch}/deconv.h5",
    log:
        "<logs>/project_features/{network}/{batch}.log",
    benchmark:
        "<benchmarks>/project_features/{network}/{batch}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
    params:
        settings=lambda wildcards: SETTINGS.deconvnet.project_features(
            wildcards.network, wildcards.batch
        ),
    script:
        "../../scripts/project_features.py"


rule measure_controls:
    """Compare each layer's strongest projection with what random weights and units would show."""
    input:
        deconv="<results>/deconvnet/{network}/{batch}/deconv.h5",
        images=lambda wildcards: SETTINGS.images_file(
            wildcards.network, wildcards.batch
        ),
        weights=lambda wildcards: SETTINGS.weights_file(wildcards.network),
        check="<results>/networks/{network}/check.json",
    output:
        "<results>/deconvnet/{network}/{batch}/controls.h5",
    log:
        "<logs>/measure_controls/{network}/{batch}.log",
    benchmark:
        "<benchmarks>/measure_controls/{network}/{batch}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
    params:
        settings=lambda wildcards: SETTINGS.deconvnet.measure_controls(
            wildcards.network, wildcards.batch
        ),
    script:
        "../../scripts/measure_controls.py"


rule plot_projections:
    """Draw a sheet of projections for each chosen image and variant of a batch."""
    input:
        projections="<results>/deconvnet/{network}/{batch}/deconv.h5",
        controls="<results>/deconvnet/{network}/{batch}/controls.h5",
        images=lambda wildcards: SETTINGS.images_file(
            wildcards.network, wildcards.batch
        ),
    output:
        directory("<results>/deconvnet/{network}/{batch}/sheets"),
    log:
        "<logs>/plot_projections/{network}/{batch}.log",
    benchmark:
        "<benchmarks>/plot_projections/{network}/{batch}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=lambda wildcards: SETTINGS.deconvnet.plot_projections(
            wildcards.network, wildcards.batch
        ),
    script:
        "../../scripts/plot_projections.py"


rule build_projection_pages:
    """Write the report's pages of projections: by image, by layer, through the training."""
    input:
        sheets=SETTINGS.deconvnet.sheets(),
        mosaics=SETTINGS.deconvnet.mosaics(),
        strips=SETTINGS.deconvnet.strips(),
    output:
        report(
            directory("<results>/report/projections"),
            htmlindex="index.html",
            caption="../report/projections.rst",
            category="Projections",
        ),
    log:
        "<logs>/build_projection_pages/pages.log",
    benchmark:
        "<benchmarks>/build_projection_pages/pages.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=SETTINGS.deconvnet.build_projection_pages(),
    script:
        "../../scripts/build_projection_pages.py"

"""Make images from layers' codes: what the network kept of an image.

Reads: <results>/images, weights. Writes: <results>/inversion, <results>/inversion_tables and their
pages. The images are made on a GPU where one is given.
"""


rule invert_features:
    """Invert the layers' codes of the chosen images of a batch; a killed job goes on."""
    input:
        images=lambda wildcards: SETTINGS.images_file(
            wildcards.network, wildcards.batch
        ),
        weights=lambda wildcards: SETTINGS.weights_file(wildcards.network),
        check="<results>/networks/{network}/check.json",
    output:
        "<results>/inversion/{network}/{batch}/inversion.h5",
    log:
        "<logs>/invert_features/{network}/{batch}.log",
    benchmark:
        "<benchmarks>/invert_features/{network}/{batch}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: SETTINGS.inversion.config["threads"]
    resources:
        gpu=1,
        checkpoint_seconds=SETTINGS.inversion.config["checkpoint_seconds"],
    params:
        settings=lambda wildcards: SETTINGS.inversion.invert_features(
            wildcards.network, wildcards.batch
        ),
    script:
        "../../scripts/invert_features.py"


rule tabulate_inversion:
    """Write the errors of all inverted layers, with their controls, as one table."""
    input:
        SETTINGS.inversion.files(),
    output:
        csv=report(
            "<results>/inversion_tables/inversion.csv",
            caption="../report/inversion_table.rst",
            category="Inversion",
        ),
        parquet="<results>/inversion_tables/inversion.parquet",
    log:
        "<logs>/tabulate_inversion/all.log",
    benchmark:
        "<benchmarks>/tabulate_inversion/all.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=SETTINGS.inversion.tabulate_inversion(),
    script:
        "../../scripts/tabulate_inversion.py"


rule plot_inversion:
    """Draw what is left of each image, layer by layer."""
    input:
        "<results>/inversion/{network}/{batch}/inversion.h5",
    output:
        directory("<results>/inversion/{network}/{batch}/figures"),
    log:
        "<logs>/plot_inversion/{network}/{batch}.log",
    benchmark:
        "<benchmarks>/plot_inversion/{network}/{batch}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=lambda wildcards: SETTINGS.inversion.plot_inversion(wildcards.network),
    script:
        "../../scripts/plot_inversion.py"


rule build_inversion_pages:
    """Write the report's pages of inverted layers: strips and errors."""
    input:
        figures=SETTINGS.inversion.figures(),
        table="<results>/inversion_tables/inversion.parquet",
        downloads=SETTINGS.inversion.downloads(),
    output:
        report(
            directory("<results>/report/inversion"),
            htmlindex="index.html",
            caption="../report/inversion.rst",
            category="Inversion",
        ),
    log:
        "<logs>/build_inversion_pages/pages.log",
    benchmark:
        "<benchmarks>/build_inversion_pages/pages.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=SETTINGS.inversion.build_inversion_pages(),
    script:
        "../../scripts/build_inversion_pages.py"

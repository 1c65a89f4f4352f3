"""Measure how features and predictions move when an image is moved, and whether parts correspond.

Reads: <results>/images, <results>/scenes, weights. Writes: <results>/invariance,
<results>/correspondence, <results>/invariance_tables, <results>/invariance_figures and their pages.
The measures use a GPU where one is given.
"""


rule measure_invariance:
    """Measure distances and probabilities over all amounts, for chosen images of a batch."""
    input:
        images=lambda wildcards: SETTINGS.images_file(
            wildcards.network, wildcards.batch
        ),
        weights=lambda wildcards: SETTINGS.weights_file(wildcards.network),
        check="<results>/networks/{network}/check.json",
    output:
        "<results>/invariance/{network}/{batch}/invariance.h5",
    log:
        "<logs>/measure_invariance/{network}/{batch}.log",
    benchmark:
        "<benchmarks>/measure_invariance/{network}/{batch}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
    params:
        settings=lambda wildcards: SETTINGS.invariance.measure_invariance(
            wildcards.network, wildcards.batch
        ),
    script:
        "../../scripts/measure_invariance.py"


rule tabulate_invariance:
    """Write all measures as one tidy table, where classes change, and the networks ranked."""
    input:
        SETTINGS.invariance.files(),
    output:
        csv=report(
            "<results>/invariance_tables/invariance.csv",
            caption="../report/invariance_table.rst",
            category="Invariance",
        ),
        parquet="<results>/invariance_tables/invariance.parquet",
        changes="<results>/invariance_tables/changes.csv",
        images="<results>/invariance_tables/images.csv",
        summary="<results>/invariance_tables/summary.csv",
        ranks="<results>/invariance_tables/summary.parquet",
    log:
        "<logs>/tabulate_invariance/all.log",
    benchmark:
        "<benchmarks>/tabulate_invariance/all.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=SETTINGS.invariance.tabulate_invariance(),
    script:
        "../../scripts/tabulate_invariance.py"


rule plot_invariance:
    """Draw a panel and a summary of each network and sample set, and networks side by side."""
    input:
        measures=SETTINGS.invariance.files(),
        images=SETTINGS.invariance.image_files(),
    output:
        directory("<results>/invariance_figures"),
    log:
        "<logs>/plot_invariance/all.log",
    benchmark:
        "<benchmarks>/plot_invariance/all.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=SETTINGS.invariance.plot_invariance(),
    script:
        "../../scripts/plot_invariance.py"


rule measure_correspondence:
    """Mask parts and random boxes, and compare the signs of the changes between images."""
    input:
        images=lambda wildcards: SETTINGS.invariance.correspondence.image_files(
            wildcards.network
        ),
        scenes=lambda wildcards: SETTINGS.invariance.correspondence.scene_files(
            wildcards.network
        ),
        weights=lambda wildcards: SETTINGS.weights_file(wildcards.network),
        check="<results>/networks/{network}/check.json",
    output:
        "<results>/correspondence/{network}/pairs.parquet",
    log:
        "<logs>/measure_correspondence/{network}.log",
    benchmark:
        "<benchmarks>/measure_correspondence/{network}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
    params:
        settings=lambda wildcards: SETTINGS.invariance.correspondence.measure_correspondence(
            wildcards.network
        ),
    script:
        "../../scripts/measure_correspondence.py"


rule tabulate_correspondence:
    """Write the mean sign change of each part and layer: Zeiler & Fergus's Table 1."""
    input:
        SETTINGS.invariance.correspondence.files(),
    output:
        csv=report(
            "<results>/invariance_tables/correspondence.csv",
            caption="../report/correspondence.rst",
            category="Invariance",
        ),
        parquet="<results>/invariance_tables/correspondence.parquet",
        pairs="<results>/invariance_tables/correspondence_pairs.csv",
    log:
        "<logs>/tabulate_correspondence/all.log",
    benchmark:
        "<benchmarks>/tabulate_correspondence/all.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=SETTINGS.invariance.correspondence.tabulate_correspondence(),
    script:
        "../../scripts/tabulate_correspondence.py"


rule build_invariance_pages:
    """Write the report's pages of invariance: curves, ranks, correspondence."""
    input:
        figures="<results>/invariance_figures",
        summary="<results>/invariance_tables/summary.parquet",
        correspondence=SETTINGS.invariance.correspondence_ranks(),
        downloads=SETTINGS.invariance.downloads(),
    output:
        report(
            directory("<results>/report/invariance"),
            htmlindex="index.html",
            caption="../report/invariance.rst",
            category="Invariance",
        ),
    log:
        "<logs>/build_invariance_pages/pages.log",
    benchmark:
        "<benchmarks>/build_invariance_pages/pages.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=SETTINGS.invariance.build_invariance_pages(),
    script:
        "../../scripts/build_invariance_pages.py"

"""Make images that maximise classes, and ask independent networks what they see in them.

Reads: weights. Writes: <results>/maximisation, <results>/maximisation_tables,
<results>/maximisation_figures and their pages. The images are made on a GPU where one is given.
"""


rule maximise_class:
    """Make the images of a class from noise, one a preset and seed; a killed job goes on."""
    input:
        weights=lambda wildcards: SETTINGS.weights_file(wildcards.network),
        check="<results>/networks/{network}/check.json",
    output:
        "<results>/maximisation/{network}/{class_index}/maximisation.h5",
    log:
        "<logs>/maximise_class/{network}/{class_index}.log",
    benchmark:
        "<benchmarks>/maximise_class/{network}/{class_index}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: SETTINGS.maximisation.config["threads"]
    resources:
        gpu=1,
        checkpoint_seconds=SETTINGS.maximisation.config["checkpoint_seconds"],
    params:
        settings=lambda wildcards: SETTINGS.maximisation.maximise_class(
            wildcards.network, wildcards.class_index
        ),
    script:
        "../../scripts/maximise_class.py"


rule judge_transfer:
    """Write down what the run's other networks see in the images of a class."""
    input:
        made="<results>/maximisation/{network}/{class_index}/maximisation.h5",
        weights=lambda wildcards: [
            SETTINGS.weights_file(judge)
            for judge in SETTINGS.maximisation.judges(
                wildcards.network, wildcards.class_index
            )
        ],
        checks=lambda wildcards: SETTINGS.maximisation.judges_checks(
            wildcards.network, wildcards.class_index
        ),
    output:
        "<results>/maximisation/{network}/{class_index}/transfers.tsv",
    log:
        "<logs>/judge_transfer/{network}/{class_index}.log",
    benchmark:
        "<benchmarks>/judge_transfer/{network}/{class_index}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 2
    params:
        settings=lambda wildcards: SETTINGS.maximisation.judge_transfer(
            wildcards.network, wildcards.class_index
        ),
    script:
        "../../scripts/judge_transfer.py"


rule tabulate_maximisation:
    """Write final score, probability and transfer of all images as one table."""
    input:
        made=SETTINGS.maximisation.files(),
        transfers=SETTINGS.maximisation.transfers(),
    output:
        csv=report(
            "<results>/maximisation_tables/maximisation.csv",
            caption="../report/maximisation_table.rst",
            category="Maximisation",
        ),
        parquet="<results>/maximisation_tables/maximisation.parquet",
    log:
        "<logs>/tabulate_maximisation/all.log",
    benchmark:
        "<benchmarks>/tabulate_maximisation/all.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=SETTINGS.maximisation.tabulate_maximisation(),
    script:
        "../../scripts/tabulate_maximisation.py"


rule plot_maximisation:
    """Draw the ladder of a class, how it came to be, and its scores."""
    input:
        made="<results>/maximisation/{network}/{class_index}/maximisation.h5",
        transfers=lambda wildcards: SETTINGS.maximisation.transfers_of(
            wildcards.network, wildcards.class_index
        ),
    output:
        directory("<results>/maximisation/{network}/{class_index}/figures"),
    log:
        "<logs>/plot_maximisation/{network}/{class_index}.log",
    benchmark:
        "<benchmarks>/plot_maximisation/{network}/{class_index}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=lambda wildcards: SETTINGS.maximisation.plot_maximisation(
            wildcards.network
        ),
    script:
        "../../scripts/plot_maximisation.py"


rule plot_networks:
    """Draw the images of each class that several networks made side by side."""
    input:
        made=SETTINGS.maximisation.files(),
        transfers=SETTINGS.maximisation.transfers(),
    output:
        directory("<results>/maximisation_figures"),
    log:
        "<logs>/plot_networks/all.log",
    benchmark:
        "<benchmarks>/plot_networks/all.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=SETTINGS.maximisation.plot_networks(),
    script:
        "../../scripts/plot_networks.py"


rule build_maximisation_pages:
    """Write the report's pages of maximised classes: ladders, curves, transfer."""
    input:
        figures=SETTINGS.maximisation.figures(),
        together=SETTINGS.maximisation.network_figures(),
        table="<results>/maximisation_tables/maximisation.parquet",
        downloads=SETTINGS.maximisation.downloads(),
    output:
        report(
            directory("<results>/report/maximisation"),
            htmlindex="index.html",
            caption="../report/maximisation.rst",
            category="Maximisation",
        ),
    log:
        "<logs>/build_maximisation_pages/pages.log",
    benchmark:
        "<benchmarks>/build_maximisation_pages/pages.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=SETTINGS.maximisation.build_maximisation_pages(),
    script:
        "../../scripts/build_maximisation_pages.py"

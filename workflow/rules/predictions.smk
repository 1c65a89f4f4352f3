"""Tabulate what every network says about every image under every variant.

Reads: <results>/features. Writes: <results>/predictions. No GPU, no torch.
"""


rule tabulate_predictions:
    """Write the tidy table, its summary, and the layout that compares networks."""
    input:
        features=SETTINGS.features_files(),
    output:
        csv=report(
            "<results>/predictions/predictions.csv",
            caption="../report/predictions.rst",
            category="Predictions",
        ),
        parquet="<results>/predictions/predictions.parquet",
        html="<results>/predictions/table.html",
        markdown="<results>/predictions/table.md",
        summary="<results>/predictions/summary.csv",
    log:
        "<logs>/tabulate_predictions/all.log",
    benchmark:
        "<benchmarks>/tabulate_predictions/all.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=SETTINGS.tabulate_predictions(),
    script:
        "../../scripts/tabulate_predictions.py"


rule predictions:
    """The predictions table."""
    input:
        rules.tabulate_predictions.output,

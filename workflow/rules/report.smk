"""Write the HTML report.

Reads: <results>/predictions, <results>/images, <results>/networks. Writes: <results>/report. No GPU.
"""


rule build_report:
    """Write the report's first page: what was run, the images, the predictions."""
    input:
        predictions="<results>/predictions/predictions.parquet",
        downloads=SETTINGS.report_downloads(),
        images=SETTINGS.report_images(),
        checks=SETTINGS.checks(),
    output:
        index=report(
            "<results>/report/index.html",
            caption="../report/report_page.rst",
            category="Report",
        ),
    log:
        "<logs>/build_report/index.log",
    benchmark:
        "<benchmarks>/build_report/index.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        settings=SETTINGS.build_report(),
    script:
        "../../scripts/build_report.py"

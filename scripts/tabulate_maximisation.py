"""Tabulate score, probability and transfer of all classes (rule tabulate_maximisation)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.predictions.storage import write_csv, write_parquet
    from convscope.synthesis.figures.table import summary_rows, summary_table
    from convscope.synthesis.storage import read_maximisation
    from convscope.synthesis.transfer import transfers_by_file

    files = settings["files"]
    keys = [(entry["network"], entry["class_index"]) for entry in files]
    judged = transfers_by_file(files, snakemake.input.transfers)
    made = (
        (network, read_maximisation(path))
        for (network, _), path in zip(keys, snakemake.input.made, strict=True)
    )
    table = summary_table(summary_rows(made, dict(zip(keys, judged, strict=True))))
    write_csv(table, snakemake.output.csv)
    write_parquet(table, snakemake.output.parquet)

"""Tabulate the errors of all inverted layers (rule tabulate_inversion)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.predictions.storage import write_csv, write_parquet
    from convscope.synthesis.figures.inversion_table import inversion_table
    from convscope.synthesis.storage import read_inversion

    table = inversion_table(
        (entry["network"], entry["sample_set"], read_inversion(path))
        for entry, path in zip(settings["files"], snakemake.input, strict=True)
    )
    write_csv(table, snakemake.output.csv)
    write_parquet(table, snakemake.output.parquet)

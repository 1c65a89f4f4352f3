"""Tabulate the correspondence of all networks (rule tabulate_correspondence)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.invariance.correspondence_table import tabulate_correspondence
    from convscope.predictions.storage import write_csv, write_parquet

    files = dict(zip(settings["networks"], snakemake.input, strict=True))
    pairs, summary = tabulate_correspondence(files)
    write_csv(pairs, snakemake.output.pairs)
    write_csv(summary, snakemake.output.csv)
    write_parquet(summary, snakemake.output.parquet)

"""Tabulate the invariance of all networks and images (rule tabulate_invariance)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.invariance.gather import gather_curves
    from convscope.invariance.summary import image_summaries, summarise_invariance
    from convscope.invariance.table import tabulate_changes, tabulate_invariance, write_tables
    from convscope.predictions.labels import class_lists
    from convscope.predictions.storage import write_csv, write_parquet

    pairs = zip(settings["files"], snakemake.input, strict=True)
    files = [{**entry, "path": path} for entry, path in pairs]
    names = {network: entry.names for network, entry in class_lists(settings["classes"]).items()}
    output = snakemake.output
    write_tables(tabulate_invariance(files, names), output.csv, output.parquet)
    write_csv(tabulate_changes(files, names), output.changes)
    curves = gather_curves(files)
    write_csv(image_summaries(curves), output.images)
    summary = summarise_invariance(curves)
    write_csv(summary, output.summary)
    write_parquet(summary, output.ranks)

"""Tabulate the predictions of every network under every variant (rule tabulate_predictions)."""

from convscope.jobs import running

with running(__file__, snakemake.log[0], snakemake.params.settings) as settings:
    from convscope.files import write_text
    from convscope.predictions import layout, rendering, storage
    from convscope.predictions.labels import class_lists, resolve_labels
    from convscope.predictions.published import read_published
    from convscope.predictions.summary import summarise
    from convscope.predictions.table import tabulate_predictions

    orders = {name: settings[name] for name in ("sample_sets", "variants", "networks")}
    classes = class_lists(settings["classes"])
    table = tabulate_predictions(
        [
            {**entry, "path": path}
            for entry, path in zip(settings["features"], snakemake.input.features, strict=True)
        ],
        labels=resolve_labels(settings["labels"], classes),
        label_names=settings["labels"],
        class_names={network: entry.names for network, entry in classes.items()},
        top=settings["top"],
        **orders,
    )
    arranged = layout.lay_out(
        table,
        networks=settings["networks"],
        architectures=settings["architectures"],
        published=read_published(),
    )
    storage.write_csv(table, snakemake.output.csv)
    storage.write_parquet(table, snakemake.output.parquet)
    write_text(snakemake.output.html, rendering.as_html(arranged))
    write_text(snakemake.output.markdown, rendering.as_markdown(arranged))
    storage.write_csv(summarise(table, **orders), snakemake.output.summary)

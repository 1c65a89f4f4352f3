"""How often each network is right under each variant: top-1, top-5 and the label's probability."""

from collections.abc import Sequence

import pandas as pd


def summarise(
    table: pd.DataFrame,
    *,
    sample_sets: Sequence[str],
    variants: Sequence[str],
    networks: Sequence[str],
) -> pd.DataFrame:
    """Count how often the label is the best class or among the best five.

    Sample sets are kept apart: a share over photographs and scenes together would mean nothing.
    Images without a label in a network count among ``images`` only.

    Parameters
    ----------
    table
        What ``tabulate_predictions`` returns.
    sample_sets, variants, networks
        The names in the order of the rows: sample set, then network, then variant.

    Returns
    -------
    pandas.DataFrame
        ``sample_set, network, variant, images, labelled, top_1, top_1_share, top_5, top_5_share,
        mean_label_probability``. Shares are of the labelled images; they and the mean are null
        where no image has a label.
    """
    rank = table["label_rank"]
    orders = {"sample_set": sample_sets, "network": networks, "variant": variants}
    counted = table.assign(
        **{name: pd.Categorical(table[name], list(order)) for name, order in orders.items()},
        images=1,
        labelled=rank.notna(),
        top_1=(rank <= 1).fillna(False),
        top_5=(rank <= 5).fillna(False),
    )
    groups = counted.groupby(list(orders), sort=True, observed=True)
    summary = groups[["images", "labelled", "top_1", "top_5"]].sum().astype("int64")
    labelled = summary["labelled"].where(summary["labelled"] > 0)
    summary.insert(3, "top_1_share", summary["top_1"] / labelled)
    summary["top_5_share"] = summary["top_5"] / labelled
    summary["mean_label_probability"] = groups["label_probability"].mean()
    return summary.reset_index().astype(dict.fromkeys(orders, "string"))

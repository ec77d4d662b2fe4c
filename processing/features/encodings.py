"""Which features a model has, and which column each of them comes from.

Training and scoring both ask here. A numerical column is a feature. A categorical column is a
feature under its own name, the main task's risk; with `risk_tables` `per_task` each other task's
risk of the same category is a further feature, called `<column>|<task>`. The table of such a
feature says in `column` which column's categories it maps.
"""

from collections.abc import Collection, Mapping, Sequence

from processing.features.risk_tables import RiskTable


def encoding_name(column: str, task: str, taken: Collection[str]) -> str:
    """Name of the feature with a task's risk of a column's categories; none that is `taken`."""
    name = f"{column}|{task}"
    while name in taken:
        name += "_"
    return name


def feature_names(columns: Sequence[str], risk_tables: Mapping[str, RiskTable]) -> list[str]:
    """The features in the model's order: the columns, then the further risks of each column.

    Args:
        columns: The columns that the model uses, in order.
        risk_tables: The tables by feature; those of other columns are passed over.
    """
    further: dict[str, list[str]] = {column: [] for column in columns}
    for name, table in risk_tables.items():
        if table.get("column") in further:
            further[table["column"]].append(name)
    return [*columns, *(name for names in further.values() for name in names)]


def source_column(feature: str, risk_tables: Mapping[str, RiskTable]) -> str:
    """The column that a feature comes from."""
    table = risk_tables.get(feature)
    return feature if table is None else table.get("column", feature)


def own_columns(features: Sequence[str], risk_tables: Mapping[str, RiskTable]) -> list[str]:
    """The columns that features come from, in order: the features that go by a column's name."""
    return [name for name in features if source_column(name, risk_tables) == name]

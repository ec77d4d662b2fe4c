"""Categories of several hosts become the same risks as those of one."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from hosts.parts.host_data import HostData
from hosts.risk_tables import JoinedTables, join_counts, with_learned
from models.engine.task_rows import LabelledRows
from processing.features.preprocessing import Preprocessing

N_ROWS, N_FOLDS, SEED = 900, 3, 5
LABELS = ["main", "other"]
FEATURES = ["kind", "kind|other"]


def rows(where_unknown: float = 0.1) -> pd.DataFrame:
    """Rows of a category whose risks differ by task, with unknown labels and categories."""
    rng = np.random.default_rng(1)
    kind = rng.integers(0, 4, N_ROWS)
    rates = {"main": [0.1, 0.4, 0.6, 0.2], "other": [0.7, 0.1, 0.5, 0.2]}
    texts = pd.Series(np.array(list("abcd"))[kind], dtype="str")
    table = pd.DataFrame({"kind": texts.mask(rng.random(N_ROWS) < 0.1)})
    for label, rate in rates.items():
        drawn = pd.Series(rng.random(N_ROWS) < np.array(rate)[kind])
        table[label] = drawn.astype(np.float32).mask(rng.random(N_ROWS) < where_unknown)
    return table


def on_hosts(parts: Sequence[pd.DataFrame]) -> list[HostData]:
    """Hosts with these rows, each with its own categories in its own order."""
    hosts = []
    for index, part in enumerate(parts):
        host = HostData(index, len(parts))
        table = part.reset_index(drop=True)
        texts = pd.Index(part["kind"].dropna().unique()[::-1], dtype="str")
        table["kind"] = pd.Categorical(table["kind"], categories=texts)
        host.splits = {"train": table, "val": table.copy()}
        hosts.append(host)
    return hosts


def joined(hosts: Sequence[HostData], *, where_different: bool = False) -> JoinedTables:
    """The tables of all hosts' rows."""
    first_rows = np.cumsum([0, *(len(host.splits["train"]) for host in hosts)])
    counts = [
        host.count_categories(["kind"], LABELS, N_FOLDS, SEED, int(first))
        for host, first in zip(hosts, first_rows, strict=False)
    ]
    return join_counts(["kind"], LABELS, counts, 10.0, [], where_different=where_different)


def mapped(hosts: Sequence[HostData], tables: JoinedTables, split: str) -> pd.DataFrame:
    """The features of all hosts' rows."""
    for host, own in zip(hosts, tables.of_fold, strict=True):
        host.map_risks(tables.labels, tables.tables, own)
    return pd.concat([host.splits[split] for host in hosts], ignore_index=True)


def test_rows_of_three_hosts_become_what_they_become_on_one() -> None:
    table = rows()
    # No "d" on the first host, no category at all on the second.
    table = pd.concat([table[table["kind"] != "d"], table[table["kind"] == "d"]])
    nobody = table.iloc[500:520].assign(kind=pd.Series(dtype="str"))
    parts = [table.iloc[:500], nobody, table.iloc[520:]]
    three, one = on_hosts(parts), on_hosts([pd.concat(parts)])
    tables = joined(three)
    assert tables.tables == joined(one).tables
    assert list(tables.tables) == list(tables.labels) == FEATURES
    assert tables.tables["kind|other"]["task"] == "other"
    pd.testing.assert_frame_equal(
        mapped(three, tables, "train"), mapped(one, joined(one), "train"), check_exact=True
    )


def test_only_rows_of_a_known_label_and_category_are_encoded_out_of_fold() -> None:
    hosts = on_hosts([rows().iloc[:400], rows().iloc[400:]])
    before = pd.concat([host.splits["train"].astype({"kind": "str"}) for host in hosts])
    tables = joined(hosts)
    train = mapped(hosts, tables, "train")
    # The validation rows are the same ones, which are encoded by the table.
    val = pd.concat([host.splits["val"] for host in hosts], ignore_index=True)
    for feature, label in zip(FEATURES, LABELS, strict=True):
        own = (before["kind"].isin(list("abcd")) & before[label].notna()).to_numpy()
        assert 0 < own.sum() < N_ROWS
        np.testing.assert_array_equal((train[feature] != val[feature]).to_numpy(), own)


def test_only_a_task_whose_categories_mean_something_else_gets_a_feature() -> None:
    table = rows(where_unknown=0)
    alike = table.assign(other=table["main"])
    first, second = table.iloc[:400].assign(other=np.nan), table.iloc[400:].assign(main=np.nan)
    # Of tasks that have no row in common the main task's risks tell nothing.
    for parts, expected in (
        ([table.iloc[:400], table.iloc[400:]], FEATURES),
        ([alike.iloc[:400], alike.iloc[400:]], FEATURES[:1]),
        ([first, second], FEATURES),
    ):
        hosts = on_hosts(parts)
        assert list(joined(hosts).tables) == FEATURES
        assert list(joined(hosts, where_different=True).tables) == expected


def test_a_category_without_a_known_label_counts_as_never_seen() -> None:
    table = rows()
    table.loc[table["kind"] == "d", "main"] = np.nan
    tables = joined(on_hosts([table.iloc[:400], table.iloc[400:]])).tables
    assert list(tables["kind"]["bins"]) == ["a", "b", "c"]
    assert list(tables["kind|other"]["bins"]) == ["a", "b", "c", "d"]


def test_tables_of_other_rows_encode_the_training_rows_too() -> None:
    hosts = on_hosts([rows().iloc[:400], rows().iloc[400:]])
    tables = joined(hosts)
    other = tables.tables["kind|other"].copy()
    other["default_bin"] = 0.123
    learned = Preprocessing({}, {"kind": tables.tables["kind"], "kind|other": other}, [])
    found = with_learned(tables, learned)
    assert found.tables == learned.risk_tables
    assert found.labels == tables.labels
    assert [list(own) for own in found.of_fold] == [["kind"], ["kind"]]
    only_main = Preprocessing({}, {"kind": tables.tables["kind"]}, [])
    assert list(with_learned(tables, only_main).tables) == ["kind"]


def fingerprint(changed: str | None) -> str:
    """The fingerprint of a host, with one value changed."""
    host = HostData(0, 1)
    host.feature_columns = ["x"]
    for split in ("train", "val"):
        x = np.arange(4, dtype=np.float32)
        label = np.array([[0], [1], [0], [1]], np.uint8)
        weight = np.ones((4, 1), np.float32)
        for name, values in (("x", x), ("label", label), ("weight", weight)):
            if changed == f"{split} {name}":
                values[2] = 7
        host.splits[split] = pd.DataFrame({"x": x})
        host.labels[split] = LabelledRows(label, weight)
    return host.fingerprint()


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("what", ["x", "label", "weight"])
def test_other_rows_have_another_fingerprint(split: str, what: str) -> None:
    assert fingerprint(None) == fingerprint(None)
    assert fingerprint(f"{split} {what}") != fingerprint(None)

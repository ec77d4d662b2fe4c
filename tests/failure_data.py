"""Rows of the failure table: channels, files, columns, values."""

import gzip
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from failure_cases import (
    Case,
    Damage,
    channel,
    content,
    everywhere,
    file_instead,
    last_file,
    last_table,
    line,
    nothing,
    removed,
    renamed,
    settings,
    steps,
    tables,
    values,
    without,
)
from trees import TASKS


def of_the_channels() -> Iterator[Case]:
    for split in ("train", "val"):
        folder = f"input/data/{split}"
        wanted = f"channel '{split}': wanted a folder with data files, found none: BASE/{folder}"
        yield Case(f"no channel {split}", removed(folder), wanted)
        yield Case(f"a file instead of the channel {split}", file_instead(folder), wanted)
    yield Case(
        "no folder where a variable points",
        nothing,
        "channel 'test': wanted a folder with data files, found none: BASE/nowhere",
        environ={"SM_CHANNEL_TEST": "BASE/nowhere"},
    )
    yield Case(
        "val and validation",
        lambda base: shutil.copytree(channel(base, "val"), channel(base, "validation")),
        "one validation channel is wanted, but both BASE/input/data/val and "
        "BASE/input/data/validation exist: remove one",
    )
    yield Case(
        "two variables for the validation channel",
        nothing,
        "one validation channel is wanted, but SM_CHANNEL_VAL and SM_CHANNEL_VALIDATION name two: "
        "BASE/a, BASE/b",
        environ={"SM_CHANNEL_VAL": "BASE/a", "SM_CHANNEL_VALIDATION": "BASE/b"},
    )


def of_one_channel(split: str) -> Iterator[Case]:
    folder = f"input/data/{split}"

    def each_file(do: Callable[[Path], object]) -> Damage:
        return lambda base: [do(path) for path in sorted(channel(base, split).iterdir())]

    names = [f"part-{part}" for part in range(2 if split == "train" else 1)]
    yield Case(
        "nothing in the folder",
        each_file(Path.unlink),
        f"channel '{split}' is empty: no data file in BASE/{folder}",
    )
    yield Case(
        "only files of another kind",
        each_file(lambda path: path.rename(path.with_suffix(".xlsx"))),
        f"channel '{split}' has no data file (.csv, .tsv, .parquet, .csv.gz, .tsv.gz) in "
        f"BASE/{folder}, only {', '.join(repr(f'{name}.xlsx') for name in names)}",
    )
    yield Case(
        "only files that are skipped",
        each_file(lambda path: path.rename(path.with_name("_SUCCESS"))),
        f"channel '{split}' is empty: no data file in BASE/{folder}",
    )
    yield Case(
        "two formats",
        file_instead(f"{folder}/z.parquet"),
        f"channel '{split}': wanted files of one format, found csv ({split}/part-0.csv), parquet "
        f"({split}/z.parquet)",
    )
    yield Case(
        "a file of 0 bytes",
        file_instead(f"{folder}/z.csv", b""),
        f"channel '{split}': wanted a header and rows in every file, found files of 0 bytes: "
        f"'{split}/z.csv'",
    )
    yield Case(
        "a link to nowhere",
        lambda base: (channel(base, split) / "z.csv").symlink_to("gone"),
        f"channel '{split}': wanted files, found links to nowhere, pipes or the like: "
        f"'{split}/z.csv'",
    )
    yield Case(
        "blank lines only",
        file_instead(f"{folder}/z.csv", b"\n\n"),
        f"{split}/z.csv: wanted a header with column names, found nothing",
    )
    for ending in ("csv", "parquet"):
        yield Case(
            f"no rows in {ending} files",
            tables(lambda table: table[:0], split),
            f"channel '{split}' has no rows, only headers: "
            + ", ".join(f"{split}/{name}.{ending}" for name in names),
            ending,
        )


def of_one_file(split: str) -> Iterator[Case]:
    last = f"{split}/part-{1 if split == 'train' else 0}"

    def cut(data: bytes) -> bytes:
        return data[: len(data) * 2 // 3]

    def overwritten(data: bytes) -> bytes:
        return data[:200] + bytes(100) + data[300:]

    unreadable = "unreadable, truncated or no Parquet file: <...>"
    yield Case("Parquet cut off", content(split, cut), f"{last}.parquet: {unreadable}", "parquet")
    yield Case(
        "Parquet overwritten",
        content(split, overwritten),
        f"{last}.parquet: {unreadable}",
        "parquet",
    )
    yield Case(
        "gzip cut off",
        content(split, cut),
        f"{last}.csv.gz: unreadable or truncated: <...>",
        "csv.gz",
    )
    yield Case(
        "a row without end in a compressed file",
        content(split, lambda data: gzip.compress(gzip.decompress(data) + b"x" * (1 << 22))),
        f"{last}.csv.gz: the row that starts at line 62 has more than 1048576 characters (a quote "
        "that is never closed, or no table?)",
        "csv.gz",
    )
    wrong = f"{last}.csv: wanted 9 fields in every row as in the header, found"
    yield Case(
        "a field too many",
        line(split, 5, lambda text: text + ",x"),
        f"{wrong} 1 rows with another number: row 5 has 10",
    )
    yield Case(
        "too few fields",
        steps(*(line(split, row, lambda text: text[:9]) for row in range(5, 15))),
        f"{wrong} 10 rows with another number: "
        + ", ".join(f"row {row} has 2" for row in range(5, 13))
        + " and 2 more",
    )
    yield Case(
        "a quote without end",
        line(split, 5, lambda text: '"' + text),
        f"{wrong} 1 rows with another number: row 5 has 1 (a quoted field goes over several lines: "
        "a quote too many?)",
    )
    yield Case(
        "a quote without end in the last field",
        line(split, 60, lambda text: text[:-1] + '"1'),
        f"{last}.csv: a quote that is never closed, in the row that starts at line 61: <...>",
    )
    yield Case(
        "text that is no UTF-8",
        line(split, 5, lambda text: re.sub("web|app", "Gew\xe4sser", text), "latin-1"),
        f"{last}.csv: wanted UTF-8 text, found b'Gew\\xe4sser' in column 'channel', row 5",
    )


def of_columns(split: str) -> Iterator[Case]:
    last = f"{split}/part-{1 if split == 'train' else 0}"
    here, there = (
        ("train/part-0.csv, train/part-1.csv", "val")
        if split == "train"
        else (f"{last}.csv", "train")
    )
    give_id = "give it to all files of all channels, or to none"
    yield Case(
        "columns missing",
        last_table(split, renamed(amount="Amount_", age="aeg", channel="c")),
        f"{last}.csv: columns missing: 'amount' (nearest: 'Amount_'), 'age', 'channel'; found 9 "
        "columns: 'id', 'Amount_', 'aeg', 'balance', 'country', 'c', 'isFraud', 'isCard' and 1 "
        "more",
    )
    yield Case(
        "a column missing in Parquet",
        last_table(split, without("country")),
        f"{last}.parquet: columns missing: 'country'; found 8 columns: 'id', 'amount', 'age', "
        "'balance', 'channel', 'isFraud', 'isCard', 'isDebit'",
        "parquet",
    )
    yield Case(
        "a label missing",
        last_table(split, renamed(isCard="iscard")),
        f"{last}.csv: columns missing: 'isCard' (nearest: 'iscard'); found 9 columns: 'id', "
        "'amount', 'age', 'balance', 'country', 'channel', 'isFraud', 'iscard' and 1 more",
    )
    yield Case(
        "a column twice",
        last_table(split, lambda table: renamed(extra="age")(table.assign(extra="0"))),
        f"{last}.csv: columns present more than once: 'age'",
    )
    yield Case(
        "a column twice in Parquet",
        lambda base: _repeat_column(last_file(base, split)),
        f"{last}.parquet: columns present more than once: 'age'",
        "parquet",
    )
    yield Case(
        "no id here",
        tables(without("id"), split),
        f"the id column 'id' is in {there}/part-0.csv but not in {here}: {give_id}",
    )
    yield Case(
        "lists in a numerical column",
        last_table(split, lambda table: table.assign(age=pd.Series([[1]] * len(table)))),
        f"{last}.parquet: wanted numbers in numerical columns and text, numbers, booleans or dates "
        "in the others, found: column 'age' is 'list<element: int64>'",
        "parquet",
    )


def _repeat_column(path: Path) -> None:
    table = pq.read_table(path)
    pq.write_table(table.append_column("age", table["age"]), path)


def of_values(split: str) -> Iterator[Case]:
    last = f"{split}/part-{1 if split == 'train' else 0}"
    mask = "missing_labels: mask would leave such rows out of this task"
    yield Case(
        "labels other than 0 and 1",
        last_table(split, values(isCard="2", isDebit=["yes", "yes", "no", "1", "yes"])),
        f"{split}: wanted labels 0 or 1, found column 'isCard': 1 other values ('2' 1 times, first "
        f"in {last}.csv, row 3); column 'isDebit': 4 other values ('yes' 3 times, 'no' 1 times, "
        f"first in {last}.csv, row 3)",
    )
    yield Case(
        "labels other than 0 and 1 in Parquet",
        last_table(split, values(isCard=[0.5, 0.5])),
        f"{split}: wanted labels 0 or 1, found column 'isCard': 2 other values ('0.5' 2 times, "
        f"first in {last}.parquet, row 3)",
        "parquet",
    )
    yield Case(
        "labels missing",
        last_table(split, values(isFraud=["", "1", ""], isDebit="NA")),
        f"{split}: wanted labels 0 or 1, found column 'isFraud': 2 missing (first in {last}.csv, "
        f"row 3; {mask}); column 'isDebit': 1 missing (first in {last}.csv, row 3; {mask})",
    )
    yield Case(
        "labels missing in Parquet",
        last_table(split, values(isDebit=None)),
        f"{split}: wanted labels 0 or 1, found column 'isDebit': 1 missing (first in "
        f"{last}.parquet, row 3; {mask})",
        "parquet",
    )
    finite = (
        "wanted finite numbers within the range of float32 (+-3.4e38), found infinite or larger"
    )
    for column, role in (("id", "id"), ("country", "categorical"), ("amount", "numerical")):
        for kind in (pa.binary(), pa.string()):
            yield Case(
                f"{role} values of type {kind} that are no UTF-8",
                _no_text(split, column, kind),
                f"{last}.parquet: wanted UTF-8 text, found b'\\xffa' in column '{column}', row 3",
                "parquet",
            )
    yield Case(
        "infinite numbers",
        last_table(split, values(amount="1e39", age=["1", "-inf", "Infinity"])),
        f"channel '{split}': {finite} ones: column 'amount' has 1, the first in {last}.csv, row 3; "
        f"column 'age' has 2, the first in {last}.csv, row 4",
    )
    yield Case(
        "infinite numbers in Parquet",
        last_table(split, values(age=[1.0, np.inf])),
        f"channel '{split}': {finite} ones: column 'age' has 1, the first in {last}.parquet, row 4",
        "parquet",
    )


def _no_text(split: str, column: str, kind: pa.DataType) -> Damage:
    """Bytes that are no text in row 3 of a column, of a type that says so or not."""

    def damage(base: Path) -> None:
        path = last_file(base, split)
        table = pq.read_table(path)
        values = [str(value).encode() for value in table[column].to_pylist()]
        values[2] = b"\xffa"
        array = pa.array(values, pa.binary())
        if kind == pa.string():
            array = pa.Array.from_buffers(kind, len(array), array.buffers())
        index = table.schema.get_field_index(column)
        pq.write_table(table.set_column(index, column, array).replace_schema_metadata(), path)

    return damage


def of_useless_numbers(split: str) -> Iterator[Case]:
    """Numerical columns that hold text."""
    found = f"channel '{split}': wanted numbers in numerical columns, found none: column"
    rows = {"train": 120, "val": 60, "test": 60}[split]

    def instead(**change: Callable[[str], str]) -> Damage:
        return tables(
            lambda table: table.assign(
                **{name: table[name].astype("str").map(to) for name, to in change.items()}
            ),
            split,
        )

    yield Case(
        "decimal commas",
        instead(amount=lambda text: text.replace(".", ",")),
        f"{found} 'amount' has {rows} texts, for example '<...>,<...>', '<...>', '<...>' (numbers "
        "with commas? write 1234.5)",
    )
    yield Case(
        "dates in one column, several fields in another",
        instead(age=lambda _: "2026-01-31", amount=lambda text: f"{text}|{text}"),
        f"{found} 'amount' has {rows} texts, for example '<...>' (several fields? there may be "
        f"another delimiter); column 'age' has {rows} texts, for example '2026-01-31' (dates? turn "
        "them into numbers, such as days since one day, or name the column in cat_field_list)",
    )
    yield Case(
        "text instead of numbers in Parquet",
        instead(balance=lambda _: "high"),
        f"{found} 'balance' has {rows} texts, for example 'high'",
        "parquet",
    )


def of_weights_and_classes() -> Iterator[Case]:
    weighted = settings(sample_weight_name="weight")
    yield Case(
        "weights missing and negative",
        steps(
            weighted,
            tables(everywhere(weight="1")),
            last_table("val", values(weight=["-1", "1", ""])),
        ),
        "val: wanted weights of zero or more, found column 'weight': 1 missing (first in "
        "val/part-0.csv, row 5) and 1 negative (first in val/part-0.csv, row 3)",
    )
    yield Case(
        "weights of zero",
        steps(weighted, tables(everywhere(weight="0"))),
        "train: wanted weights of zero or more, found column 'weight': only zeros",
    )
    for split in ("train", "val", "test"):
        yield Case(
            f"huge weights in {split}",
            steps(
                weighted,
                tables(everywhere(weight="1")),
                tables(everywhere(weight="1e37"), split),
            ),
            f"{split}: wanted row weights with a sum of at most 1e+30, because larger sums "
            "overflow, found <...> in column 'weight': scale them to an average of about 1",
        )
    yield Case(
        "weights whose product is too large",
        steps(
            settings(sample_weight_name="weight", task_weight_columns={"isCard": "own"}),
            tables(everywhere(weight="1e20", own="1e20")),
        ),
        "train: wanted row weights with a sum of at most 1e+30, because larger sums overflow, "
        "found inf in task 1 (isCard): scale them to an average of about 1",
    )
    yield Case(
        "columns that the predictions would have twice",
        steps(settings(id_name="isFraud_true"), tables(renamed(id="isFraud_true"))),
        "the prediction files would have these columns twice: 'isFraud_true'; rename the id column "
        "(id_name) or a task",
    )
    yield Case(
        "an id column in one file of a channel",
        last_table("train", without("id")),
        "the id column 'id' is in train/part-0.csv but not in train/part-1.csv: give it to all "
        "files of all channels, or to none",
    )
    yield Case(
        "no positives in any task",
        tables(everywhere(**dict.fromkeys(TASKS, "0")), "train"),
        "no task has a positive training row, so there is nothing to learn: 'isFraud', 'isCard', "
        "'isDebit'",
    )
    needs = "which needs validation rows of both classes, but"
    give = (
        "; give other validation data, set early_stopping_metric to mean_logloss, or "
        "early_stopping_rounds to 0"
    )
    yield Case(
        "early stopping on the main task of one class",
        steps(settings(early_stopping_rounds=5), tables(everywhere(isFraud="0"), "val")),
        f"val: early stopping watches main_auc, {needs} task 'isFraud' has 0 positive and 60 "
        f"negative{give}",
    )
    yield Case(
        "early stopping on tasks of one class",
        steps(
            settings(early_stopping_rounds=5, early_stopping_metric="mean_auc"),
            tables(everywhere(isFraud="0", isCard="1", isDebit="0"), "val"),
        ),
        f"val: early stopping watches mean_auc, {needs} task 'isFraud' has 0 positive and 60 "
        "negative; task 'isCard' has 60 positive and 0 negative; task 'isDebit' has 0 positive and "
        f"60 negative{give}",
    )
    for split, cause in (
        ("train", "train: no row has a label"),
        ("val", "val: no row has a label (with a weight above 0), so nothing can be scored"),
    ):
        yield Case(
            f"no label at all in {split}",
            steps(
                settings(missing_labels="mask"),
                tables(everywhere(**dict.fromkeys(TASKS, "")), split),
            ),
            cause,
        )

"""Rows of the failure table: where files are, and what they are."""

import gzip
import io
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from failure_cases import Case, Damage, channel, content, last_file, nothing, steps
from pyarrow import orc
from pyarrow.feather import write_feather
from trees import write_table


def of_links() -> Iterator[Case]:
    """Ways by which rows would be read twice, or in a channel that is not theirs."""
    data = "BASE/input/data"

    def link(place: str, target: str) -> Damage:
        return lambda base: (base / "input" / "data" / place).symlink_to(
            target.replace("BASE", str(base))
        )

    def folder(place: str) -> Damage:
        return lambda base: (base / "input" / "data" / place).mkdir(parents=True)

    leads = "channel 'train': the link train/"
    for target in ("..", data, "/"):
        resolved = {"..": data, "/": "/"}.get(target, target)
        yield Case(
            f"a link to a folder above: {target}",
            link("train/up", target),
            f"{leads}up leads to {resolved}, which is the channel's folder or above it: remove it",
        )
    yield Case(
        "a loop",
        steps(folder("train/more"), link("train/more/back", "..")),
        f"{leads}more/back leads to {data}/train, which is the channel's folder or above it: "
        "remove it",
    )
    yield Case(
        "a loop elsewhere",
        steps(
            lambda base: (base / "elsewhere" / "in").mkdir(parents=True),
            lambda base: (base / "elsewhere" / "in" / "back").symlink_to(base / "elsewhere"),
            link("train/more", "BASE/elsewhere"),
        ),
        f"{leads}more/in/back leads to BASE/elsewhere, in which it stands itself: remove it",
    )
    for target, place in (("../val", "val"), ("../val/part-0.csv", "val/part-0.csv")):
        yield Case(
            f"a link to {target} in the training channel",
            link("train/z.csv", target),
            f"{leads}z.csv leads to {data}/{place}, which is in the channel 'val': remove it",
        )
    yield Case(
        "a link to a folder with another channel",
        steps(
            lambda base: shutil.copytree(channel(base, "test"), base / "elsewhere" / "test"),
            link("train/more", "BASE/elsewhere"),
        ),
        f"{leads}more leads to BASE/elsewhere, where the channel 'test' is: remove it",
        environ={"SM_CHANNEL_TEST": "BASE/elsewhere/test"},
    )
    yield Case(
        "two names of one file",
        link("train/z.csv", "part-0.csv"),
        f"train/z.csv and train/part-0.csv are the same file, whose rows would be read twice: "
        f"{data}/train/part-0.csv",
    )
    yield Case(
        "two hard links",
        lambda base: (channel(base, "test") / "z.csv").hardlink_to(last_file(base, "train")),
        "test/z.csv and train/part-1.csv are the same file, whose rows would be read twice: "
        f"{data}/test/z.csv",
    )
    yield Case(
        "two ways to one folder",
        steps(
            lambda base: (base / "elsewhere").mkdir(),
            link("train/a", "BASE/elsewhere"),
            link("train/b", "BASE/elsewhere"),
        ),
        "<...>, whose files would be read twice: BASE/elsewhere",
    )
    yield Case(
        "two channels in one folder",
        nothing,
        f"test/part-0.csv and val/part-0.csv are the same file, whose rows would be read twice: "
        f"{data}/val/part-0.csv",
        environ={"SM_CHANNEL_TEST": f"{data}/val"},
    )
    yield Case(
        "two channels linked to the same files elsewhere",
        steps(
            lambda base: shutil.copytree(channel(base, "test"), base / "elsewhere"),
            link("val/more", "BASE/elsewhere"),
            link("test/more.csv", "BASE/elsewhere/part-0.csv"),
        ),
        "test/more.csv and val/more/part-0.csv are the same file, whose rows would be read twice: "
        "BASE/elsewhere/part-0.csv",
    )


def of_partitions(split: str) -> Iterator[Case]:
    def partitioned(column: str) -> Damage:
        def damage(base: Path) -> None:
            path = last_file(base, split)
            inner = path.parent / "year=2026" / f"{column}=1"
            inner.mkdir(parents=True)
            write_table(pd.read_csv(path, dtype="str").drop(columns=column), inner / path.name)
            path.unlink()

        return damage

    for column in ("country", "isCard"):
        yield Case(
            f"{column} as a partition column",
            partitioned(column),
            f"{split}/year=2026/{column}=1/part-{1 if split == 'train' else 0}.csv: columns are "
            f"needed that are in the name of the folder only, which is not read: '{column}'; write "
            "them into the files",
        )


def of_other_kinds(split: str) -> Iterator[Case]:
    """Files that are something else than their name says."""
    last = f"{split}/part-{1 if split == 'train' else 0}"
    text = f"{last}.csv: wanted text in UTF-8 as its name says, found"
    yield Case(
        "plain text called .csv.gz",
        content(split, gzip.decompress),
        f"{last}.csv.gz: wanted a gzip file as its name says, found something else (text that is "
        "not compressed?)",
        "csv.gz",
    )
    yield Case(
        "gzip called .csv",
        content(split, gzip.compress),
        f"{text} a gzip file (end its name in .csv.gz or .tsv.gz)",
    )
    yield Case(
        "UTF-16",
        content(split, lambda data: data.decode().encode("utf-16")),
        f"{text} text in UTF-16 (convert it to UTF-8)",
    )
    yield Case(
        "UTF-16 without a mark",
        content(split, lambda data: data.decode().encode("utf-16-be")),
        f"{text} text in UTF-16 (convert it to UTF-8)",
    )
    yield Case(
        "UTF-32 compressed",
        content(
            split,
            lambda data: gzip.compress(gzip.decompress(data).decode().encode("utf-32-le")),
        ),
        f"{text.replace('.csv', '.csv.gz', 1)} text in UTF-32 (convert it to UTF-8)",
        "csv.gz",
    )
    yield Case(
        "a page instead of a table",
        content(split, lambda _data: b"<!DOCTYPE html>\n<html><body>Sign in</body></html>\n"),
        f"{text} an HTML page (of a download that failed?)",
    )
    yield Case(
        "a spreadsheet",
        content(split, lambda _data: _zip("[Content_Types].xml", "xl/workbook.xml")),
        f"{text} a spreadsheet (save it as CSV in UTF-8)",
    )
    yield Case(
        "a zip archive", content(split, lambda _data: _zip("a.csv")), f"{text} a zip archive"
    )
    for kind, ending, found in (
        ("Parquet", "parquet", "a Parquet file (end its name in .parquet)"),
        ("ORC", "orc", "an ORC file"),
        ("Feather", "feather", "an Arrow (Feather) file"),
    ):
        yield Case(f"{kind} called .csv", _table_as(split, ending), f"{text} {found}")
    yield Case(
        "Avro called .csv",
        content(split, lambda data: b"Obj\x01\x04\x14avro.codec" + data),
        f"{text} an Avro file",
    )
    yield Case(
        "CSV called .parquet",
        content(split, lambda _data: b"id,amount\n1,2\n"),
        f"{last}.parquet: wanted a Parquet file as its name says, found text",
        "parquet",
    )
    yield Case(
        "gzip called .parquet",
        content(split, gzip.compress),
        f"{last}.parquet: wanted a Parquet file as its name says, found a gzip file (end its name "
        "in .csv.gz or .tsv.gz)",
        "parquet",
    )
    yield Case(
        "JSON lines called .csv",
        content(split, lambda _data: b'{"id": "1", "amount": 2}\n'),
        f"{last}.csv: it holds JSON, not a table (the first line is '<...>')",
    )
    for delimiter, name in ((";", "semicolons"), ("|", "vertical bars"), ("\t", "tabs")):
        yield Case(
            f"{name} instead of commas",
            content(split, _other_delimiter(delimiter)),
            f"{last}.csv: the fields are separated by {name}, wanted commas (the first line starts "
            "with 'id<...>amount<...>age<...>isFraud<...>...')",
        )
    yield Case(
        "commas in a .tsv file",
        content(split, lambda data: data.replace(b"\t", b",")),
        f"{last}.tsv: the fields are separated by commas, wanted tabs (the first line starts with "
        "'id,amount,age,balance,country,channel,isFraud,isCard,is...')",
        "tsv",
    )
    yield Case(
        "no header",
        content(split, lambda data: data.partition(b"\n")[2]),
        f"{last}.csv: there is no header: the first line holds values, not names ('<...>')",
    )
    yield Case(
        "no header in any file",
        lambda base: [
            path.write_bytes(path.read_bytes().partition(b"\n")[2])
            for path in channel(base, split).iterdir()
        ],
        f"{split}/part-0.csv: there is no header: the first line holds values, not names ('<...>')",
    )


def _other_delimiter(delimiter: str) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(b",", delimiter.encode())


def _zip(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return packed.getvalue()


def _table_as(split: str, ending: str) -> Damage:
    """The last file's table in another format under its old name."""

    def damage(base: Path) -> None:
        path = last_file(base, split)
        table = pa.Table.from_pandas(pd.read_csv(path))
        write = {"parquet": pq.write_table, "orc": orc.write_table, "feather": write_feather}
        write[ending](table, str(path))

    return damage

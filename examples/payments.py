"""Makes a payments data set with several kinds of fraud and writes it as an `/opt/ml` tree.

The main task `isFraud` is any fraud; four rare tasks are its kinds: card (`isCCfrd`), direct debit
(`isDDfrd`), gift card (`isGCfrd`) and credit line (`isLOCfrd`). Every kind grows with two hidden
quantities, a stolen account and a fast burst of payments, which is what the rare tasks can learn
from the common ones, and with features of its own. Some fraud is of no known kind.

The columns have what real tables have: ids and merchant category codes with leading zeros, the
country `NA` (Namibia) beside missing countries, a merchant column with hundreds of values, and
numbers that are missing because they do not apply (a direct debit has no card age). And they have
what a model is judged by: the amount at stake, and the score of a scorecard that is in use.

Run it from the checkout: `python -m examples.payments BASE [--rows 60000] [--format parquet]`
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from examples.tree import FileFormat, LossType, add_options, write_splits

Floats = npt.NDArray[np.float64]

ID_NAME = "payment_id"
NUMERICAL = [
    "amount",
    "amount_to_usual",
    "hour_of_day",
    "account_age_days",
    "payments_1h",
    "payments_24h",
    "failed_logins_24h",
    "ip_distance_km",
    "card_age_days",
    "bank_account_age_days",
    "credit_used_share",
    "basket_items",
]
CATEGORICAL = ["merchant", "mcc", "country", "device", "method"]
AMOUNT = "amount"
PREVIOUS_SCORE = "scorecard"
MAIN_TASK = "isFraud"
TASKS = [MAIN_TASK, "isCCfrd", "isDDfrd", "isGCfrd", "isLOCfrd"]
FRAUD_RATES = {
    "isFraud": 0.030,
    "isCCfrd": 0.010,
    "isDDfrd": 0.005,
    "isGCfrd": 0.004,
    "isLOCfrd": 0.003,
}
SPLIT_SIZES = {"train": 1.0, "val": 1 / 3, "test": 1 / 3}  # relative to the training rows
MIN_ROWS = 1500

_MCC = {  # code: (median amount, logit of fraud risk), a few real merchant category codes
    "0742": (90.0, -0.6),  # veterinary services
    "0763": (160.0, -0.5),  # agricultural co-operatives
    "4121": (18.0, 0.0),  # taxis
    "4814": (25.0, 0.5),  # telephone services
    "4829": (210.0, 1.0),  # money transfers
    "5411": (38.0, -0.6),  # grocery stores
    "5541": (45.0, -0.3),  # service stations
    "5732": (240.0, 0.8),  # electronics
    "5812": (32.0, -0.4),  # restaurants
    "5947": (60.0, 0.9),  # gift shops
    "5999": (55.0, 0.1),  # miscellaneous shops
    "7995": (70.0, 0.7),  # betting
}
_COUNTRY = {  # code: (share, logit of fraud risk)
    "US": (0.36, 0.0),
    "GB": (0.16, 0.0),
    "DE": (0.13, -0.3),
    "FR": (0.10, -0.1),
    "IN": (0.08, 0.1),
    "BR": (0.07, 0.4),
    "ZA": (0.05, 0.2),
    "NG": (0.03, 0.8),
    "NA": (0.02, 0.5),
}
_DEVICE = {"ios": 0.30, "android": 0.36, "web": 0.26, "terminal": 0.08}
_METHOD = {"card": 0.55, "direct_debit": 0.20, "gift_card": 0.13, "credit_line": 0.12}
_MERCHANTS = 600


def make_splits(rows: int = 60_000, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Make the three splits of one population of payments.

    Args:
        rows: number of training rows; the other two splits have a third of it each.
        seed: the same rows and seed give the same tables.

    Returns:
        `train`, `val` and `test`, each with the columns `ID_NAME`, `CATEGORICAL`, `NUMERICAL`,
        `PREVIOUS_SCORE` and `TASKS`. The share of positives per task is that of `FRAUD_RATES`,
        to within a row, in every split. No id occurs twice.

    Raises:
        ValueError: fewer than 1,500 rows, with which a split could lack a kind of fraud.
    """
    if rows < MIN_ROWS:
        raise ValueError(f"at least {MIN_ROWS} rows are needed, not {rows}")
    rng = np.random.default_rng(seed)
    sizes = {name: int(rows * share) for name, share in SPLIT_SIZES.items()}
    total = sum(sizes.values())
    ids = pd.Series(rng.choice(10 * total, size=total, replace=False), name=ID_NAME)
    categories, merchant_risk = _categories(rng, total)
    numbers = _numbers(rng, categories)
    risks = _risks(categories, numbers, merchant_risk)
    # Labels come from the complete numbers; what the job sees has gaps.
    known = numbers.mask(_missing(rng, categories))
    scorecard = _scorecard(known)
    features = pd.concat([ids.astype("str").str.zfill(9), categories, known, scorecard], axis=1)
    splits = {}
    start = 0
    for name, size in sizes.items():
        stop = start + size
        labels = _labels(rng, risks.iloc[start:stop])
        splits[name] = pd.concat([features.iloc[start:stop], labels], axis=1).reset_index(drop=True)
        start = stop
    return splits


def hyperparameters(loss_type: LossType = "fixed", seed: int = 0) -> dict[str, object]:
    """The job's settings for this data set."""
    return {
        "tab_field_list": NUMERICAL,
        "cat_field_list": CATEGORICAL,
        "label_name": MAIN_TASK,
        "task_label_names": TASKS,
        "id_name": ID_NAME,
        "amount_name": AMOUNT,
        "previous_score_columns": {MAIN_TASK: PREVIOUS_SCORE, "isCCfrd": PREVIOUS_SCORE},
        "loss_type": loss_type,
        "num_iterations": 100,
        "learning_rate": 0.1,
        "seed": seed,
    }


def write_tree(
    base: Path,
    rows: int = 60_000,
    seed: int = 0,
    file_format: FileFormat = "csv",
    loss_type: LossType = "fixed",
) -> None:
    """Write three splits and the job's hyperparameters below `base`.

    Args:
        base: the folder that stands for `/opt/ml`.
        rows: number of training rows, see `make_splits`.
        seed: seed of the data and of the training.
        file_format: format of the data files.
        loss_type: the job's `loss_type`.

    Raises:
        FileExistsError: `base` already holds data.
        ValueError: too few rows.
    """
    write_splits(base, make_splits(rows, seed), hyperparameters(loss_type, seed), file_format)


def _draw(rng: np.random.Generator, shares: dict[str, float], size: int) -> pd.Series:
    """Draw `size` of the keys with these shares."""
    codes = rng.choice(len(shares), size=size, p=list(shares.values()))
    return pd.Series(np.array(list(shares))[codes]).astype("str")


def _categories(rng: np.random.Generator, size: int) -> tuple[pd.DataFrame, Floats]:
    """The categorical columns, and the hidden risk (logit) of each row's merchant."""
    popularity = 1 / np.arange(5, _MERCHANTS + 5)
    merchant = rng.choice(_MERCHANTS, size=size, p=popularity / popularity.sum())
    merchant_mcc = rng.integers(len(_MCC), size=_MERCHANTS)
    merchant_risk = rng.normal(0, 0.7, size=_MERCHANTS)
    method = _draw(rng, _METHOD, size)
    country = _draw(rng, {code: share for code, (share, _) in _COUNTRY.items()}, size)
    device = _draw(rng, _DEVICE, size)
    table = {
        "merchant": pd.Series(merchant).astype("str").str.zfill(5),
        "mcc": pd.Series(np.array(list(_MCC))[merchant_mcc[merchant]]).astype("str"),
        "country": country.mask(rng.random(size) < 0.02),
        # A direct debit is collected by the merchant: there is no device of the payer's.
        "device": device.mask(method.eq("direct_debit").to_numpy()),
        "method": method,
    }
    return pd.DataFrame(table), merchant_risk[merchant]


def _numbers(rng: np.random.Generator, categories: pd.DataFrame) -> pd.DataFrame:
    """The numerical columns, complete. Stolen accounts and bursts show in several of them."""
    size = len(categories)
    stolen = rng.random(size) < 0.06
    burst = rng.gamma(0.5, 1.2, size) + 1.5 * stolen * rng.random(size)
    usual = np.exp(rng.normal(0, 0.5, size)) * categories["mcc"].map(
        {code: median for code, (median, _) in _MCC.items()}
    ).to_numpy(float)
    amount = usual * np.exp(rng.normal(0, 0.6, size) + 0.7 * stolen)
    # Gift cards are sold in round sums, and a quarter of all other buyers rounds as well.
    is_round = categories["method"].eq("gift_card").to_numpy() & (rng.random(size) < 0.5)
    is_round |= rng.random(size) < 0.05
    amount = np.where(is_round, np.maximum(25 * np.round(amount / 25), 25), amount)
    in_the_day = rng.normal(14.5, 4.0, size) % 24
    hour = np.where(rng.random(size) < 0.15 + 0.2 * stolen, rng.uniform(0, 24, size), in_the_day)
    last_hour = rng.poisson(0.4 * burst)
    return pd.DataFrame(
        {
            "amount": amount.round(2),
            "amount_to_usual": (amount / usual).round(3),
            "hour_of_day": np.floor(hour * 60) / 60,
            "account_age_days": np.ceil(rng.gamma(0.9, 700, size)),
            "payments_1h": last_hour.astype(float),
            "payments_24h": last_hour + rng.poisson(1.0 + 0.8 * burst).astype(float),
            "failed_logins_24h": rng.poisson(0.15 + 1.3 * stolen).astype(float),
            "ip_distance_km": rng.lognormal(3.0 + 2.5 * stolen, 1.3, size).round(1),
            "card_age_days": np.ceil(rng.gamma(1.1, 500, size)),
            "bank_account_age_days": np.ceil(rng.gamma(0.8, 900, size)),
            "credit_used_share": rng.beta(1.4, 1.8, size).round(4),
            "basket_items": 1.0 + rng.poisson(1.6, size),
        }
    )


def _missing(rng: np.random.Generator, categories: pd.DataFrame) -> pd.DataFrame:
    """Which numbers the job does not see: they do not apply, or were not recorded."""
    size = len(categories)
    method = categories["method"]
    newcomer = rng.random(size) < 0.08
    no_address = categories["device"].isna() | categories["device"].eq("terminal")
    gaps = pd.DataFrame(False, index=categories.index, columns=NUMERICAL)
    gaps["amount_to_usual"] = newcomer
    gaps["account_age_days"] = newcomer & (rng.random(size) < 0.5)
    gaps["ip_distance_km"] = no_address | (rng.random(size) < 0.03)
    gaps["failed_logins_24h"] = rng.random(size) < 0.02
    gaps["card_age_days"] = method.ne("card")
    gaps["bank_account_age_days"] = method.ne("direct_debit")
    gaps["credit_used_share"] = method.ne("credit_line")
    gaps["basket_items"] = method.eq("direct_debit") | (rng.random(size) < 0.15)
    return gaps


def _scorecard(numbers: pd.DataFrame) -> pd.Series:
    """The points, 0 to 100, that the model in use gives: made by hand, from a few numbers."""
    n = numbers
    points = (
        12 * n["failed_logins_24h"].fillna(0).clip(upper=3)
        + 9 * n["payments_1h"].clip(upper=3)
        + 10 * (n["account_age_days"].fillna(999) < 60)
        + 6 * (n["amount_to_usual"].fillna(1) > 2)
        + 5 * (n["amount"] > 200)
    )
    return points.clip(upper=100).astype(int).rename(PREVIOUS_SCORE)


def _risks(categories: pd.DataFrame, numbers: pd.DataFrame, merchant_risk: Floats) -> pd.DataFrame:
    """Logits, up to a constant, of each kind of fraud; `isFraud` is fraud of no known kind."""
    n = numbers
    method = categories["method"]
    night = (n["hour_of_day"] < 6).astype(float)
    shared = (
        1.2 * n["failed_logins_24h"].clip(upper=4)
        + 0.9 * np.log1p(n["ip_distance_km"] / 100)
        + 1.1 * np.log1p(n["payments_1h"]) * (1 + night)
        + 1.2 * (n["account_age_days"] < 60)
        + categories["country"]
        .map({code: risk for code, (_, risk) in _COUNTRY.items()})
        .fillna(0.3)
    )
    surprise = np.log(n["amount_to_usual"]).clip(-2, 2)
    round_sum = (n["amount"] % 25 == 0).astype(float)
    seller = merchant_risk + categories["mcc"].map({code: risk for code, (_, risk) in _MCC.items()})
    risks = {
        "isFraud": 1.1 * shared + 1.3 * seller + 0.6 * surprise,
        "isCCfrd": shared
        + seller
        + 0.9 * surprise
        + 1.0 * (n["card_age_days"] < 60)
        - 3.0 * method.ne("card"),
        "isDDfrd": shared
        + 1.6 * (n["bank_account_age_days"] < 120)
        + 0.6 * np.log(n["amount"] / 50)
        - 3.0 * method.ne("direct_debit"),
        "isGCfrd": shared
        + 1.4 * round_sum
        + 0.5 * n["payments_24h"].clip(upper=6)
        - 3.0 * method.ne("gift_card"),
        "isLOCfrd": shared
        + 4.0 * (n["credit_used_share"] - 0.5)
        + 0.8 * (n["account_age_days"] < 180)
        - 3.0 * method.ne("credit_line"),
    }
    return pd.DataFrame(risks)


def _labels(rng: np.random.Generator, risks: pd.DataFrame) -> pd.DataFrame:
    """Draw the labels of one split, with the rates of `FRAUD_RATES`.

    A row is positive where its logit plus logistic noise is among the highest, which is a draw from
    a logistic model whose intercept hits the rate exactly.
    """
    size = len(risks)
    drawn = risks + rng.logistic(size=risks.shape)
    labels = pd.DataFrame(0, index=risks.index, columns=TASKS)
    for kind in TASKS[1:]:
        labels[kind] = _highest(drawn[kind], round(FRAUD_RATES[kind] * size))
    known = labels.any(axis=1)
    n_unknown = round(FRAUD_RATES[MAIN_TASK] * size) - int(known.sum())
    labels[MAIN_TASK] = known | _highest(drawn[MAIN_TASK].mask(known, -np.inf), n_unknown)
    return labels.astype(int)


def _highest(score: pd.Series, count: int) -> pd.Series:
    """Which rows have the `count` highest scores."""
    return score.rank(method="first", ascending=False) <= count


def main() -> None:
    """Read the command line and write the tree."""
    parser = argparse.ArgumentParser(description="Write a payments data set as an /opt/ml tree.")
    add_options(parser)
    parser.add_argument("--rows", type=int, default=60_000, help="training rows (default: 60000)")
    args = parser.parse_args()
    write_tree(args.base, args.rows, args.seed, args.file_format, args.loss_type)
    print(f"payments: {args.rows:,} training rows written to {args.base} ({args.file_format})")


if __name__ == "__main__":
    main()

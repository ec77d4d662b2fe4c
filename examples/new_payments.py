"""Makes a file of new payments, whose outcomes nobody knows yet, and shows how they were scored.

    python -m examples.new_payments make FOLDER [--rows 1000] [--seed 1]
    python -m examples.new_payments show SCORED

`make` writes FOLDER/payments.csv: raw rows as `examples.payments` makes them, without labels.
`show` prints the payments of SCORED/predictions.csv that are most suspicious, and why.
"""

import argparse
from pathlib import Path

import pandas as pd

from examples.payments import ID_NAME, MAIN_TASK, MIN_ROWS, TASKS, make_splits

_SHOWN = 5


def make(folder: Path, rows: int = 500, seed: int = 1) -> None:
    """Writes new payments to a folder that is made.

    Args:
        folder: where `payments.csv` goes.
        rows: how many, at most a third of what `payments.make_splits` makes at least.
        seed: seed of the data; that of the training rows makes some of the same payments.

    Raises:
        ValueError: too many rows.
    """
    if not 0 < rows <= MIN_ROWS // 3:
        raise ValueError(f"1 to {MIN_ROWS // 3} rows can be made, not {rows}")
    table = make_splits(MIN_ROWS, seed)["test"].head(rows).drop(columns=TASKS)
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "payments.csv", index=False)


def show(scored: Path) -> str:
    """The most suspicious payments as an aligned table: id, probability, strongest reason."""
    text = {ID_NAME: "str"}
    table = pd.read_csv(scored / "predictions.csv", dtype=text)
    prob, reason = f"{MAIN_TASK}_prob", f"{MAIN_TASK}_reason_1"
    highest = table.nlargest(_SHOWN, prob)
    lines = [f"{len(table):,} new payments scored; the most suspicious:", ""]
    lines += [f"  {'payment':<12}{MAIN_TASK:>9}   because of"]
    lines += [
        f"  {row[ID_NAME]:<12}{row[prob]:>9.3f}   {row[reason]}" for _, row in highest.iterrows()
    ]
    return "\n".join(lines)


def main() -> None:
    """Read the command line, and make or show."""
    parser = argparse.ArgumentParser(description="Make new payments, or show their scores.")
    parser.add_argument("what", choices=["make", "show"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=500, help="how many to make (default: 500)")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.what == "make":
        make(args.folder, args.rows, args.seed)
    else:
        print(show(args.folder))


if __name__ == "__main__":
    main()

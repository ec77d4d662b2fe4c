"""The columns that a table must have, and what is said when it has not."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from common.messages import listed, listed_with_nearest, quoted, quoted_list
from exceptions import DataError


@dataclass(frozen=True)
class TableColumns:
    """What to read from a table, by role.

    Attributes:
        labels: task labels, read as categories and checked later.
        numerical: numerical features, read as float32.
        categorical: categorical features, read as text.
        id_name: the id column, read as text if the table has it.
        weights: row weights, read as float32; may be numerical features as well.
        evaluation: numbers for the evaluation alone, such as amounts and an earlier model's
            scores, read as float32; may be numerical features or weights as well.
        encoded: categorical features that upstream has turned into numbers, read as float32; that
            they are numbers is checked with the artifact that says so.
    """

    labels: tuple[str, ...]
    numerical: tuple[str, ...]
    categorical: tuple[str, ...]
    id_name: str
    weights: tuple[str, ...] = ()
    evaluation: tuple[str, ...] = ()
    encoded: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse one column in two roles, which no table could hold.

        Raises:
            DataError: a column is asked for twice.
        """
        asked = [*self.labels, *self.numbers, *self.categorical, self.id_name]
        twice = [name for name, times in Counter(asked).items() if times > 1]
        if twice:
            raise DataError(
                "each column has one role (label, numerical or categorical feature, id, weight), "
                f"but these have several: {quoted_list(twice)}"
            )

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns that become float32, each once."""
        numbers = (*self.numerical, *self.encoded, *self.weights, *self.evaluation)
        return tuple(dict.fromkeys(numbers))

    @property
    def categories(self) -> tuple[str, ...]:
        """The columns that become pandas Categoricals."""
        return (*self.labels, *self.categorical)

    @property
    def required(self) -> tuple[str, ...]:
        """All columns but the id, in the order of the DataFrame."""
        return (*self.labels, *self.numbers, *self.categorical)

    def without_labels(self) -> "TableColumns":
        """What a table needs that is only scored: features and the id alone."""
        return replace(self, labels=(), weights=(), evaluation=())

    def without_evaluation(self) -> "TableColumns":
        """What a table needs that is only trained on."""
        return replace(self, evaluation=())


def check_columns(
    names_of_file: Mapping[str, Sequence[str]], needed: Mapping[str, TableColumns]
) -> bool:
    """Check that every file has every needed column exactly once.

    Args:
        names_of_file: the column names of each file, by the file's label.
        needed: what is needed of each file; the id column is the same for all.

    Returns:
        Whether the files have the id column.

    Raises:
        DataError: columns are missing, there twice, or the id column is in some files only.
    """
    [id_name] = {columns.id_name for columns in needed.values()}
    with_id = [label for label, names in names_of_file.items() if id_name in names]
    without_id = [label for label in names_of_file if label not in with_id]
    problems = [*_missing(names_of_file, needed), *_repeated(names_of_file, needed)]
    if with_id and without_id:
        problems.append(
            f"the id column {quoted(id_name)} is in {with_id[0]} but not in "
            f"{listed(without_id)}: give it to all files of all channels, or to none"
        )
    if problems:
        raise DataError(listed(problems, "; "))
    return bool(with_id)


def _missing(
    names_of_file: Mapping[str, Sequence[str]], needed: Mapping[str, TableColumns]
) -> list[str]:
    files_of_problem: dict[str, list[str]] = {}
    for label, names in names_of_file.items():
        existing = set(names)
        missing = [name for name in needed[label].required if name not in existing]
        if missing:
            problem = (
                f"columns missing: {listed_with_nearest(missing, names)}; found {len(names)} "
                f"columns: {quoted_list(names)}"
            )
            files_of_problem.setdefault(problem, []).append(label)
    return [f"{listed(files)}: {problem}" for problem, files in files_of_problem.items()]


def _repeated(
    names_of_file: Mapping[str, Sequence[str]], needed: Mapping[str, TableColumns]
) -> list[str]:
    files_of_problem: dict[str, list[str]] = {}
    for label, names in names_of_file.items():
        wanted = {*needed[label].required, needed[label].id_name}
        twice = [name for name, times in Counter(names).items() if times > 1 and name in wanted]
        if twice:
            files_of_problem.setdefault(quoted_list(twice), []).append(label)
    return [
        f"{listed(files)}: columns present more than once: {problem}"
        for problem, files in files_of_problem.items()
    ]

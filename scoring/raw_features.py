"""Raw columns of any type become the numbers that the model was trained on."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from common.messages import listed, listed_with_nearest, quoted, quoted_list
from common.result_names import IMPUTE_DICT, RISK_TABLE_MAP
from exceptions import DataError
from processing.features.artifacts import FLAGS
from processing.features.encodings import source_column
from processing.features.imputation import fill_missing
from processing.features.risk_tables import RiskTable, category_risks
from processing.reading.category_text import categories, coded, is_text_like
from processing.reading.number_text import is_number_like, is_string, number_values

PlaceOfRow: TypeAlias = Callable[[int], str]
NoteNumbers: TypeAlias = Callable[[str, pa.Array | None, int], None]

# Up to so many rows the cost of a call into Arrow is more than that of its work.
_FEW_ROWS = 64


class RawFeatures:
    """Makes the features of a model from raw columns, as the training job does.

    It may be used by several threads at once.

    Attributes:
        columns: The C columns that rows must have.
        column_of_feature: Index of the column that each of the F features comes from.
        number_columns: Those of the columns that are read as numbers.
    """

    def __init__(
        self,
        features: Sequence[str],
        impute_dict: Mapping[str, float] | None,
        risk_tables: Mapping[str, RiskTable] | None,
        categorical: Sequence[str],
    ) -> None:
        """Takes what the job has learned.

        Args:
            features: Names of the F features in the model's order.
            impute_dict: Value of a missing number, by column; None: the rows are imputed already.
            risk_tables: Risk of each category, by feature; None: the rows are mapped already, and
                have a column for every feature.
            categorical: Which of the features are risks of categories.
        """
        is_category = [name in set(categorical) for name in features]
        is_mapped = risk_tables is None
        # The column of every feature; one of categories may be that of several.
        self._sources = [source_column(name, risk_tables or {}) for name in features]
        self.columns = list(dict.fromkeys(self._sources))
        self.column_of_feature = [self.columns.index(name) for name in self._sources]
        self._numbers = [
            index for index in range(len(features)) if is_mapped or not is_category[index]
        ]
        self._tables: dict[str, dict[int, RiskTable]] = {}
        for index, name in enumerate(features):
            if risk_tables is not None and is_category[index]:
                self._tables.setdefault(self._sources[index], {})[index] = risk_tables[name]
        self.number_columns = [name for name in self.columns if name not in self._tables]
        # Why a missing number of a column is an error; None where it is filled.
        self._flags = [
            FLAGS[RISK_TABLE_MAP]
            if is_category[index]
            else (FLAGS[IMPUTE_DICT] if impute_dict is None else None)
            for index in range(len(features))
        ]
        self._fill = np.array(
            [
                np.nan if impute_dict is None or is_category[index] else impute_dict[name]
                for index, name in enumerate(features)
            ],
            dtype=np.float32,
        )

    def __call__(
        self,
        batch: pa.RecordBatch,
        place_of_row: PlaceOfRow | None = None,
        note_numbers: NoteNumbers | None = None,
    ) -> NDArray[np.float32]:
        """The features of n rows, shape (n, F).

        Args:
            batch: Raw columns, those of the features among them, of any type that training reads.
            place_of_row: What messages call a row of the batch; by default its number from 1.
            note_numbers: Is told, of every numerical column, its name, the texts that are no
                numbers and count as missing, if there are any, and how many values are numbers.

        Raises:
            DataError: Columns are missing, there twice, or of other types; infinite values; missing
                values in rows that are said to be transformed already.
        """
        by_name = self._columns_of(batch)
        self._check_types(by_name)
        columns = [by_name[name] for name in self._sources]
        values = np.empty((batch.num_rows, len(self._sources)), dtype=np.float32)
        if batch.num_rows == 0:
            return values
        few = batch.num_rows <= _FEW_ROWS
        texts = [index for index in self._numbers if few and is_plain_text(columns[index].type)]
        no_numbers: dict[int, pa.Array | None] = {}
        with np.errstate(over="ignore"):
            for index in self._numbers:
                if not few or index not in texts:
                    values[:, index], no_numbers[index] = number_values(columns[index])
            if texts:
                self._fill_in_texts(values, texts, columns)
        if note_numbers is not None:
            for index in self._numbers:
                found = number_values(columns[index])[1] if index in texts else no_numbers[index]
                usable = int(np.count_nonzero(~np.isnan(values[:, index])))
                note_numbers(self._sources[index], found, usable)
        for name, tables in self._tables.items():
            for index, risks in _risks(by_name[name], tables, few=few):
                values[:, index] = risks
        self._check(values, place_of_row or (lambda row: f"row {row + 1}"))
        fill_missing(values, self._fill)
        return values

    def _columns_of(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        names = batch.schema.names
        position = dict(zip(names, range(len(names)), strict=True))
        try:
            columns = {name: batch.column(position[name]) for name in self.columns}
        except KeyError:
            missing = [name for name in self.columns if name not in position]
            raise DataError(
                f"columns missing: {listed_with_nearest(missing, names)}; found {len(names)} "
                f"columns: {quoted_list(names)}"
            ) from None
        if len(position) != len(names):
            wanted = set(self.columns)
            twice = [name for name, times in Counter(names).items() if times > 1]
            if wanted.intersection(twice):
                raise DataError(f"columns present more than once: {quoted_list(twice)}")
        return columns

    def _check_types(self, columns: Mapping[str, pa.Array]) -> None:
        problems = [
            f"column {quoted(name)} is {quoted(str(column.type))}"
            for name, column in columns.items()
            if not (_may_be_category if name in self._tables else _may_be_number)(column.type)
        ]
        if problems:
            raise DataError(
                "wanted numbers in numerical columns and text, numbers, booleans or dates in the "
                f"categorical ones, found: {listed(problems)}"
            )

    def _fill_in_texts(
        self, values: NDArray[np.float32], indices: Sequence[int], columns: Sequence[pa.Array]
    ) -> None:
        """Reads several columns of texts at once."""
        texts = pa.concat_arrays([columns[index].cast(pa.string()) for index in indices])
        numbers, _ = number_values(texts)
        values[:, indices] = numbers.reshape(len(indices), len(values)).T

    def _check(self, values: NDArray[np.float32], place_of_row: PlaceOfRow) -> None:
        if np.isfinite(values).all():
            return
        infinite = np.isinf(values)
        if infinite.any():
            raise DataError(
                "wanted finite numbers within the range of float32 (+-3.4e38), found infinite or "
                f"larger ones: {self._places(infinite, place_of_row)}"
            )
        missing = np.isnan(values) & np.isnan(self._fill)
        if missing.any():
            flags = sorted({str(self._flags[i]) for i in np.flatnonzero(missing.any(axis=0))})
            raise DataError(
                f"{' and '.join(flags)} is true, so there must be numbers only, but values are "
                f"missing or no numbers: {self._places(missing, place_of_row)}"
            )

    def _places(self, faults: NDArray[np.bool_], place_of_row: PlaceOfRow) -> str:
        return listed(
            [
                f"column {quoted(self._sources[index])} has {np.count_nonzero(faults[:, index])}, "
                f"the first in {place_of_row(int(np.argmax(faults[:, index])))}"
                for index in np.flatnonzero(faults.any(axis=0))
            ],
            "; ",
        )


def _risks(
    column: pa.Array, tables: Mapping[int, RiskTable], *, few: bool
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The risks of a column's rows, by the index of the feature that they are."""
    if few and not pa.types.is_dictionary(column.type):
        texts = categories(column)
        yield from ((index, category_risks(texts, table)) for index, table in tables.items())
        return
    encoded = coded(column)
    distinct = [*categories(encoded.dictionary), None]
    missing = len(distinct) - 1
    indices = encoded.indices.fill_null(missing) if encoded.null_count else encoded.indices
    codes: NDArray[np.integer] = indices.to_numpy(zero_copy_only=False)
    for index, table in tables.items():
        yield index, category_risks(distinct, table)[codes]


# Asking Arrow for the properties of a type is slower than remembering the answer.
_may_be_number = lru_cache(maxsize=256)(is_number_like)
_may_be_category = lru_cache(maxsize=256)(is_text_like)
is_plain_text = lru_cache(maxsize=256)(is_string)

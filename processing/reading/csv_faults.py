"""What is wrong with a CSV or TSV file, and in which row.

Arrow names a row at best, and only the first. So a file that it refused, or that looks odd, is
read again with Python's reader. (Arrow's own handler of invalid rows fails on text that is not
UTF-8 and loses the row: pyarrow 26.)
"""

import csv

from common.messages import listed
from exceptions import DataError
from processing.reading.channels import DataFile
from processing.reading.csv_file import open_csv_file, python_rows


def check_fields(file: DataFile) -> None:
    """Check that every row has as many fields as the header.

    Raises:
        DataError: rows with another number, the first ones by their number; or a quote that is
            never closed.
    """
    found = []
    line_breaks = ""
    row_number = 0
    with open_csv_file(file) as raw:
        rows = python_rows(file, raw)
        _, header = next(rows)
        wanted = len(header)
        try:
            for row_number, (_, row) in enumerate(rows, start=1):
                if len(row) != wanted:
                    found.append(f"row {row_number} has {len(row)}")
                    if any("\n" in value for value in row):
                        line_breaks = " (a quoted field goes over several lines: a quote too many?)"
        except csv.Error as error:
            raise DataError(
                f"{file.label}: not readable after row {row_number} (a quote that is never "
                f"closed?): {error}"
            ) from error
    if found:
        raise DataError(
            f"{file.label}: wanted {wanted} fields in every row as in the header, found "
            f"{len(found)} rows with another number: {listed(found)}{line_breaks}"
        )


def check_closed_quotes(file: DataFile) -> None:
    """Check that every quoted field ends.

    Raises:
        DataError: a quoted field goes on to the end of the file, or text follows its last quote.
    """
    last_line = 0
    with open_csv_file(file) as raw:
        try:
            for line, _ in python_rows(file, raw, strict=True):
                last_line = line
        except csv.Error as error:
            raise DataError(
                f"{file.label}: a quote that is never closed, in the row that starts at line "
                f"{last_line + 1}: {error}"
            ) from error

"""Where the rows of a channel's table stand in its files."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RowPlaces:
    """The files that a table was read from, in the order of its rows.

    Attributes:
        channel: what messages call the table: `train`.
        files: what messages call its files: `train/part-0.csv`.
        rows: the number of rows of each file.
    """

    channel: str
    files: tuple[str, ...]
    rows: tuple[int, ...]

    def place_of(self, position: int) -> str:
        """The file of a row of the table, and its number among the data rows there, from 1.

        Raises:
            IndexError: the table has fewer rows.
        """
        row = position
        for file, rows in zip(self.files, self.rows, strict=True):
            if row < rows:
                return f"{file}, row {row + 1}"
            row -= rows
        raise IndexError(f"row {position} of a table of {sum(self.rows)} rows")

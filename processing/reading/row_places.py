"""Where the rows of a channel's table stand in its files."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RowPlaces:
    """The files that a table was read from, in the order of its rows.

    Attributes:
        channel: what messages call the table: `train`.
        files: what messages call its files: `train/part-0.csv`.
        rows: the number of rows of each file that are in the table.
        skipped: the number of rows of each file before them; empty: none.
    """

    channel: str
    files: tuple[str, ...]
    rows: tuple[int, ...]
    skipped: tuple[int, ...] = ()

    def place_of(self, position: int) -> str:
        """The file of a row of the table, and its number among the data rows there, from 1.

        Raises:
            IndexError: the table has fewer rows.
        """
        row = position
        skipped = self.skipped or (0,) * len(self.files)
        for file, rows, before in zip(self.files, self.rows, skipped, strict=True):
            if row < rows:
                return f"{file}, row {before + row + 1}"
            row -= rows
        raise IndexError(f"row {position} of a table of {sum(self.rows)} rows")

"""How large the tables and how long the runs of the speed program are."""

from dataclasses import dataclass

from benchmarks.speed_tables import TableSpec


@dataclass(frozen=True)
class Window:
    """Numbers of trees of a short and a long run, whose difference gives the cost of a tree."""

    short: int
    long: int

    @property
    def trees(self) -> int:
        """Trees that the long run has more."""
        return self.long - self.short


@dataclass(frozen=True)
class Scale:
    """A table of the comparison of sizes, and how many runs in a row are averaged."""

    table: TableSpec
    repeats: int = 1


@dataclass(frozen=True)
class Sizes:
    """Sizes of everything.

    Attributes:
        matrix: The table on which the cost of a tree is measured.
        window: For that.
        csv: The table of the whole job, as CSV.
        parquet: The same as Parquet.
        trees: Trees of a whole job.
        scales: Tables of several sizes.
        large: The largest table.
        scale_window: For all sizes the same, because early and late trees differ in cost.
        task_counts: Numbers of tasks.
        task_window: For all numbers of tasks.
        peer_window: For other libraries.
    """

    matrix: TableSpec
    window: Window
    csv: TableSpec
    parquet: TableSpec
    trees: int
    scales: tuple[Scale, ...]
    large: TableSpec
    scale_window: Window
    task_counts: tuple[int, ...]
    task_window: Window
    peer_window: Window


FULL = Sizes(
    matrix=TableSpec(500_000, 50_000, 20),
    window=Window(20, 120),
    csv=TableSpec(1_000_000, 100_000, 3, "csv", n_categorical=4, missing=0.05),
    parquet=TableSpec(1_000_000, 100_000, 3, n_categorical=4, missing=0.05),
    trees=100,
    scales=(
        Scale(TableSpec(100_000, 10_000, 5), repeats=3),
        Scale(TableSpec(1_000_000, 100_000, 5)),
    ),
    large=TableSpec(10_000_000, 1_000_000, 5),
    scale_window=Window(20, 120),
    task_counts=(2, 5, 10, 20),
    task_window=Window(20, 80),
    peer_window=Window(10, 60),
)

QUICK = Sizes(
    matrix=TableSpec(10_000, 2_000, 5),
    window=Window(5, 15),
    csv=TableSpec(10_000, 2_000, 3, "csv", n_categorical=4, missing=0.05),
    parquet=TableSpec(10_000, 2_000, 3, n_categorical=4, missing=0.05),
    trees=5,
    scales=(
        Scale(TableSpec(5_000, 1_000, 5), repeats=2),
        Scale(TableSpec(10_000, 1_000, 5)),
    ),
    large=TableSpec(20_000, 2_000, 5),
    scale_window=Window(2, 12),
    task_counts=(2, 5),
    task_window=Window(2, 12),
    peer_window=Window(2, 6),
)

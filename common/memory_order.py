"""How arrays with a value for each row and task, (n, K), lie in memory.

With few tasks they lie column by column (Fortran order): NumPy and SciPy have loops with vector
instructions along a column, while a row of two or three values would be a loop of its own. With
many tasks a row is long enough, and is fetched, or added to a leaf, at once.
"""

from typing import Literal

_MOST_COLUMNS = 4
"""Up to so many tasks a tree takes less time by columns."""


def memory_order(n_tasks: int) -> Literal["C", "F"]:
    """The order for K tasks: "F" is by columns, "C" by rows."""
    return "F" if n_tasks <= _MOST_COLUMNS else "C"

"""Lists and names in messages."""

from common.messages import (
    as_json,
    first_line,
    listed,
    listed_with_nearest,
    nearest,
    quoted,
    quoted_list,
    with_nearest,
)


def test_long_lists_and_values_are_cut() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed([str(number) for number in range(45)]) == "0, 1, 2, 3, 4, 5, 6, 7 and 37 more"
    assert quoted_list(["a", 1]) == "'a', 1"
    assert len(quoted("x" * 500)) == 60
    assert quoted("a\nb") == r"'a\nb'"


def test_nearest_names() -> None:
    existing = ["Amount", "country", "county", "id"]
    assert with_nearest("amount ", existing) == "'amount ' (nearest: 'Amount')"
    assert with_nearest("contry", existing) == "'contry' (nearest: 'country' or 'county')"
    assert with_nearest("zzz", existing) == "'zzz'"
    many = listed_with_nearest([f"zz{number}" for number in range(10)], existing)
    assert many.endswith("'zz7' and 2 more")


def test_the_nearest_name_is_found_however_far() -> None:
    assert nearest("Num-Leaf", ["num_leaves", "seed"]) == "num_leaves"
    assert nearest("zzz", ["num_leaves", "seed"]) in {"num_leaves", "seed"}
    assert nearest("zzz", []) is None


def test_values_of_a_file_are_shown_as_they_stand_there_in_one_line() -> None:
    assert as_json(["é", True, None, 1.5]) == '["é", true, null, 1.5]'
    assert as_json("\x1b[2J\u2028") == r'"\u001b[2J\u2028"'
    assert as_json("x" * 500) == '"' + "x" * 79 + "..."


def test_first_line_of_an_error() -> None:
    assert first_line(ValueError("\x1b[2J a")) == r"\x1b[2J a"
    assert first_line(ValueError("a\nb")) == "a"
    assert first_line(EOFError()) == "EOFError"

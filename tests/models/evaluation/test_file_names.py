"""Task names as parts of file names."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation.file_names import MAX_BYTES, safe_file_name

TRICKY = st.text(alphabet="aA2Ff%./\\~\x00\né欺\ud800 ", max_size=8)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("isFraud", "isFraud"),
        ('Air temperature [K], "x": {y}', 'Air temperature [K], "x": {y}'),
        ("Überweisung 信用卡 😀", "Überweisung 信用卡 😀"),
        ("a/b", "a%2Fb"),
        ("a\\b", "a\\b"),
        ("a\x00b\nc\x7f", "a%00b%0Ac%7F"),
        (".", "%2E"),
        ("..", "%2E%2E"),
        ("../x.y", "%2E%2E%2Fx.y"),
        ("100%", "100%"),
        ("a%2Fb", "a%252Fb"),
        ("\ud800", "%ED%A0%80"),
        ("", ""),
    ],
)
def test_only_what_a_file_name_cannot_hold_is_encoded(text: str, name: str) -> None:
    assert safe_file_name(text) == name


@given(text=st.text(max_size=30) | TRICKY)
def test_names_can_be_decoded_again(text: str) -> None:
    assert unquote(safe_file_name(text), errors="surrogatepass") == text


@given(first=TRICKY, second=TRICKY)
def test_different_texts_have_different_names(first: str, second: str) -> None:
    assert (safe_file_name(first) == safe_file_name(second)) == (first == second)


@given(text=st.text(alphabet="a/欺é", min_size=150, max_size=400), tail=st.sampled_from("bc"))
def test_long_names_are_cut_and_stay_different(text: str, tail: str) -> None:
    name = safe_file_name(text + tail)
    assert len(name.encode()) <= MAX_BYTES
    assert name != safe_file_name(text + "d")


def test_a_text_that_equals_a_shortened_name_is_told_apart() -> None:
    shortened = safe_file_name("x" * 500)
    assert safe_file_name(shortened) != shortened


@given(text=st.text(max_size=300) | TRICKY)
def test_every_text_names_a_file(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("names")
    (folder / f"val_task_0_{safe_file_name(text)}_roc.jpg").touch()
    assert len(list(folder.iterdir())) == 1

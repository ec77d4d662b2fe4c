"""The selected features are checked."""

import pytest

from exceptions import ArtifactError
from processing.features.feature_selection import make_selected_features, read_selected_features

AVAILABLE = ["amount", "Air temperature [K]", "country"]


def test_what_is_made_is_read_back_in_its_order() -> None:
    names = ["country", "Air temperature [K]"]
    document = make_selected_features(names)
    assert document == {"selected_features": names}
    assert read_selected_features(document, "f.json", AVAILABLE) == names


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], r'^f\.json: wanted \{"selected_features": \[names\]\}, the key .* is missing'),
        ({"features": ["amount"]}, "the key .* is missing"),
        ({"selected_features": "amount"}, "must be a list of feature names"),
        ({"selected_features": ["amount", 1]}, "must be a list of feature names"),
        ({"selected_features": []}, "at least one feature"),
        ({"selected_features": ["amount", "country", "amount"]}, "twice: .amount.$"),
        ({"selected_features": ["amout", "zzz"]}, r".amout. \(nearest: .amount.\), .zzz.$"),
        ({"selected_features": [f"q{i}" for i in range(47)]}, "and 39 more$"),
    ],
)
def test_anything_else_is_refused(document: object, message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        read_selected_features(document, "f.json", AVAILABLE)

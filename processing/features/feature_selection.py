"""`selected_features.json`: the features that the model uses, in their order."""

from collections import Counter
from collections.abc import Sequence

from common.messages import listed_with_nearest, quoted_list
from exceptions import ArtifactError

KEY = "selected_features"


def make_selected_features(features: Sequence[str]) -> dict[str, list[str]]:
    """Return the document that is saved as `selected_features.json`."""
    return {KEY: list(features)}


def read_selected_features(document: object, source: str, available: Sequence[str]) -> list[str]:
    """Check a loaded `selected_features.json` and return the names in it.

    Args:
        document: The parsed file.
        source: The file, as the user knows it.
        available: All features of the hyperparameters, `tab_field_list` and `cat_field_list`.

    Returns:
        The selected features, in the order of the file.

    Raises:
        ArtifactError: It is not `{"selected_features": [names]}`, the list is empty, has names
            twice, or has names that are no feature.
    """
    if not isinstance(document, dict) or KEY not in document:
        raise ArtifactError(f'{source}: wanted {{"{KEY}": [names]}}, the key "{KEY}" is missing')
    names = document[KEY]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ArtifactError(f'{source}: "{KEY}" must be a list of feature names')
    if not names:
        raise ArtifactError(f'{source}: "{KEY}" must name at least one feature, it is empty')
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ArtifactError(f'{source}: "{KEY}" names features twice: {quoted_list(repeated)}')
    unknown = sorted(set(names) - set(available), key=names.index)
    if unknown:
        raise ArtifactError(
            f'{source}: "{KEY}" names features that are neither in tab_field_list nor in '
            f"cat_field_list: {listed_with_nearest(unknown, available)}"
        )
    return list(names)

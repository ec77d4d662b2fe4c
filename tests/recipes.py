"""The code in README.md and docs/, so that tests execute it from there."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def recipes(page: str, language: str) -> list[str]:
    """The blocks of a page that are fenced as this language, in their order.

    Args:
        page: The page, below the checkout, such as `docs/operations.md`.
        language: What stands behind the fence, such as `python`.
    """
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no recipe in {language}"
    return found

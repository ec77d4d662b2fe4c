"""The house: rooms of a size one can take in, and imports that run one way."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MOST_FILES = 16
MOST_LINES = 300
LONG_FILES = {"hyperparams/schema.py"}

# From the ground up: a module imports from its own room and from those named before it here.
# Packages of one group never import each other; what is above imports what is below.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("exceptions", "common"),
    ("hyperparams",),
    (
        "models.sums",
        "models.task_arrays",
        "models.trees",
        "models.loss",
        "models.engine",
        "models.training",
        "models.evaluation",
        "models.report",
    ),
    (
        "processing.reading",
        "processing.untrusted",
        "processing.features",
        "processing.writing",
        "processing.job",
        "processing.dataset",
    ),
    ("scoring",),
    ("serving",),
    ("steps",),
    ("hosts",),
    (
        "lightgbmmt_training",
        "lightgbmmt_model_inference",
        "lightgbmmt_serving",
        "lightgbmmt_inference_handler",
    ),
)
# The places below the steps where the models see what the user asked for.
READ_HYPERPARAMETERS = {"models.training.factory", "models.loss.factory"}


def product_files() -> list[Path]:
    files = [*ROOT.glob("*.py")]
    for package in (
        "common",
        "hyperparams",
        "models",
        "processing",
        "scoring",
        "serving",
        "steps",
        "hosts",
    ):
        files += (ROOT / package).rglob("*.py")
    return sorted(files)


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported_modules(file: Path) -> Iterator[str]:
    """Modules of the project that a file imports, wherever in it."""
    modules = {module_name(other) for other in product_files()}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            found = [name for name in inner if name in modules]
            yield from found or ([node.module] if node.module in modules else [])


def room(module: str) -> str:
    """The entry of `FLOORS` that a module belongs to."""
    rooms = [name for floor in FLOORS for name in floor]
    return next(name for name in rooms if module == name or module.startswith(f"{name}."))


def allowed(importing: str, imported: str) -> bool:
    """Whether an import between two rooms runs downwards."""
    floor_of = {name: i for i, floor in enumerate(FLOORS) for name in floor}
    above, below = room(importing), room(imported)
    if below == above:
        return True
    if floor_of[above] == floor_of[below]:
        floor = FLOORS[floor_of[above]]
        return floor.index(below) < floor.index(above)
    if below in FLOORS[0]:
        return True
    if floor_of[above] >= floor_of["scoring"]:
        return floor_of[below] < floor_of[above]
    return below == "hyperparams" and importing in READ_HYPERPARAMETERS


@pytest.mark.parametrize(
    "file", product_files(), ids=lambda file: file.relative_to(ROOT).as_posix()
)
def test_imports_run_downwards(file: Path) -> None:
    importing = module_name(file)
    if importing in ("models", "processing"):
        assert not list(imported_modules(file))
        return
    upwards = [name for name in imported_modules(file) if not allowed(importing, name)]
    assert not upwards, f"{importing} imports {upwards}"


def test_no_circle_of_modules() -> None:
    imports = {module_name(file): set(imported_modules(file)) for file in product_files()}
    while True:
        leaves = {name for name, found in imports.items() if not found & imports.keys()}
        if not leaves:
            break
        imports = {name: found for name, found in imports.items() if name not in leaves}
    assert not imports, f"these modules import each other: {sorted(imports)}"


def test_no_file_is_too_long() -> None:
    lengths = {
        file.relative_to(ROOT).as_posix(): len(file.read_text(encoding="utf-8").splitlines())
        for file in product_files()
    }
    assert not {
        name: lines
        for name, lines in lengths.items()
        if lines > MOST_LINES and name not in LONG_FILES
    }


def test_no_room_is_too_full() -> None:
    counts: dict[str, int] = {}
    for file in product_files():
        folder = file.parent.relative_to(ROOT).as_posix()
        counts[folder] = counts.get(folder, 0) + 1
    assert not {folder: count for folder, count in counts.items() if count > MOST_FILES}


def test_tests_mirror_the_rooms() -> None:
    folders = {file.parent.relative_to(ROOT).as_posix() for file in product_files()} - {"."}
    tests = list((ROOT / "tests").rglob("test_*.py"))
    in_rooms = {
        path.parent.relative_to(ROOT / "tests").as_posix()
        for path in tests
        if path.parent.relative_to(ROOT / "tests").parts[:1]
        in {("common",), ("hyperparams",), ("models",), ("processing",)}
    }
    assert in_rooms <= folders, f"tests of rooms that are not there: {sorted(in_rooms - folders)}"

"""ROC and precision-recall pictures."""

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_dilation
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_curve

from models.evaluation import curves
from models.evaluation.curves import (
    MAX_TITLE_LENGTH,
    plot_multitask_curves,
    precision_recall_points,
    readable_title,
    roc_points,
    thin_curve,
)
from models.evaluation.score_counts import count_by_score

ODD_NAMES = [
    "isFraud",
    "cost_$x$_and_$y$ [K]",
    "信用卡欺诈 Überweisung",
    'a/b: "quoted", {brace}',
    "..",
    "line\nbreak\x00",
    "very long name " * 40,
    r"no formula: $\frac$",
]


def sample(n_rows: int, n_tasks: int) -> tuple[dict[int, Any], NDArray[np.float64]]:
    rng = np.random.default_rng(0)
    probs = rng.beta(1, 5, (n_rows, n_tasks))
    return {i: rng.random(n_rows) < probs[:, i] for i in range(n_tasks)}, probs


def test_every_task_has_two_pictures_whatever_its_name(tmp_path: Path) -> None:
    y_true, y_prob = sample(200, len(ODD_NAMES))
    files = plot_multitask_curves(y_true, y_prob, ODD_NAMES, tmp_path / "val_metrics", "val")
    assert sorted(files) == sorted((tmp_path / "val_metrics").iterdir())
    names = [file.name for file in files]
    assert names[:10] == [
        "val_task_0_isFraud_roc.jpg",
        "val_task_0_isFraud_pr.jpg",
        "val_task_1_cost_$x$_and_$y$ [K]_roc.jpg",
        "val_task_1_cost_$x$_and_$y$ [K]_pr.jpg",
        "val_task_2_信用卡欺诈 Überweisung_roc.jpg",
        "val_task_2_信用卡欺诈 Überweisung_pr.jpg",
        'val_task_3_a%2Fb: "quoted", {brace}_roc.jpg',
        'val_task_3_a%2Fb: "quoted", {brace}_pr.jpg',
        "val_task_4_%2E%2E_roc.jpg",
        "val_task_4_%2E%2E_pr.jpg",
    ]
    for file in files:
        with Image.open(file) as picture:
            assert picture.format == "JPEG"
            assert min(picture.size) > 400


def test_tasks_with_one_class_have_no_pictures(tmp_path: Path) -> None:
    y_true, y_prob = sample(100, 3)
    y_true |= {0: np.zeros(100), 1: np.full(100, np.nan)}
    files = plot_multitask_curves(y_true, y_prob, ["a", "b", "c"], tmp_path, "test")
    assert [file.name for file in files] == ["test_task_2_c_roc.jpg", "test_task_2_c_pr.jpg"]


def test_the_same_data_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (
        plot_multitask_curves(*sample(100, 1), ["a"], tmp_path / folder, "val")
        for folder in ("1", "2")
    )
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]


def test_weights_change_the_curve(tmp_path: Path) -> None:
    y_true, y_prob = sample(100, 1)
    plain = plot_multitask_curves(y_true, y_prob, ["a"], tmp_path / "plain", "val")
    weights = {0: np.random.default_rng(1).random(100)}
    weighted = plot_multitask_curves(
        y_true, y_prob, ["a"], tmp_path / "weighted", "val", sample_weights=weights
    )
    assert plain[0].read_bytes() != weighted[0].read_bytes()


def test_faulty_shapes_are_printed(tmp_path: Path) -> None:
    y_true, y_prob = sample(100, 2)
    with pytest.raises(ValueError, match=r"shape \(n, 2\), .* got shape \(100, 1\)"):
        plot_multitask_curves(y_true, y_prob[:, :1], ["a", "b"], tmp_path, "val")


def test_points_are_those_of_scikit_learn() -> None:
    y_true, y_prob = sample(500, 1)
    labels, probs = y_true[0], np.round(y_prob[:, 0], 2)
    counts = count_by_score(labels, probs)
    fpr, recall, _ = roc_curve(labels, probs, drop_intermediate=False)
    np.testing.assert_allclose(roc_points(counts), (fpr, recall), atol=1e-15)

    x, y = precision_recall_points(counts)
    precision, recall, _ = precision_recall_curve(labels, probs)
    assert set(zip(x[1:], y[1:], strict=True)) <= set(zip(recall, precision, strict=True))
    assert (np.diff(x) > 0).all()
    area = np.diff(x) @ y[1:]
    assert area == pytest.approx(average_precision_score(labels, probs), abs=1e-12)


@given(
    steps=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=50, max_size=200),
    n_columns=st.integers(1, 10),
)
def test_thinned_curve_covers_the_same_heights_in_every_column(steps: Any, n_columns: int) -> None:
    x, y = np.array(steps).T
    x = np.sort(x)
    thin_x, thin_y = thin_curve(x, y, n_columns)
    assert thin_x.size <= max(4 * (n_columns + 1), 0)
    assert (np.diff(thin_x) >= 0).all()
    assert (thin_x[0], thin_y[0], thin_x[-1], thin_y[-1]) == (x[0], y[0], x[-1], y[-1])
    for column in range(n_columns + 1):
        all_y = y[np.floor(x * n_columns) == column]
        kept_y = thin_y[np.floor(thin_x * n_columns) == column]
        assert all_y.size == kept_y.size == 0 or (
            (all_y.min(), all_y.max()) == (kept_y.min(), kept_y.max())
        )


def test_short_curves_keep_all_points() -> None:
    x = np.linspace(0, 1, 100)
    thin_x, thin_y = thin_curve(x, x**2)
    np.testing.assert_array_equal((thin_x, thin_y), (x, x**2))


@pytest.mark.parametrize("kind", [0, 1], ids=["roc", "pr"])
def test_thinned_picture_looks_like_the_full_one(
    kind: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def line_pixels(folder: Path) -> NDArray[np.bool_]:
        file = plot_multitask_curves(*sample(100_000, 1), ["a"], folder, "val")[kind]
        with Image.open(file) as picture:
            red, _, blue = np.moveaxis(np.asarray(picture).astype(int), -1, 0)
        mask: NDArray[np.bool_] = blue - red > 40
        return mask

    thin = line_pixels(tmp_path / "thin")
    monkeypatch.setattr(curves, "thin_curve", partial(thin_curve, n_columns=10**9))
    full = line_pixels(tmp_path / "full")
    assert full.sum() > 500
    # One pixel of tolerance: overlapping lines are smoothed a little differently.
    assert not (thin & ~binary_dilation(full, np.ones((3, 3)))).any()
    assert not (full & ~binary_dilation(thin, np.ones((3, 3)))).any()


@pytest.mark.parametrize(
    ("task", "title"),
    [
        ("isFraud", "isFraud"),
        ("$a_b$ Überweisung", "$a_b$ Überweisung"),
        ("欺诈", r"\u6b3a\u8bc8"),
        ("a\nb\x00\ud800", r"a\nb\x00\ud800"),
        ("é" * 200, "é" * 22 + "…" + "é" * 22),
        ("欺" * 200, r"\u6b3a" * 3 + "…" + r"\u6b3a" * 3),
    ],
)
def test_titles_are_one_readable_line(task: str, title: str) -> None:
    assert readable_title(task) == title
    assert len(title) <= MAX_TITLE_LENGTH


def test_importing_the_module_does_not_import_matplotlib() -> None:
    code = "import models.evaluation.curves, sys; sys.exit('matplotlib' in sys.modules)"
    root = Path(curves.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)


def test_pyplot_is_not_touched(tmp_path: Path) -> None:
    code = (
        "import sys, models.evaluation.curves as c\n"
        f"c.plot_multitask_curves({{0: [0, 1]}}, [[0.1], [0.9]], ['a'], {str(tmp_path)!r}, 'val')\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    root = Path(curves.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)

"""The finished model and its predictions."""

from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from engine_cases import Problem, hyperparameters, make_problem, run_training

from models.trees.multitask_model import MultiTaskModel, predict_multitask

FEATURES = ["größe", "b c", 'd"e', "f,g", "h"]


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Three tasks."""
    return make_problem()


@pytest.fixture(scope="module")
def model(problem: Problem) -> MultiTaskModel:
    """A few trees."""
    return run_training(problem, hyperparameters()).model


def frame(problem: Problem, order: list[int] | None = None) -> pd.DataFrame:
    """Validation rows with a column that is no feature, and the features in any order."""
    columns = {FEATURES[i]: problem.valid_x[:, i] for i in order or range(5)}
    return pd.DataFrame({"id": [f"{row:04d}" for row in range(len(problem.valid_x))]} | columns)


def test_it_predicts_what_stock_lightgbm_does(model: MultiTaskModel, problem: Problem) -> None:
    stock = lgb.Booster(model_str=model.model_to_string())
    expected = stock.predict(problem.valid_x)
    np.testing.assert_array_equal(model.predict(problem.valid_x), expected)
    np.testing.assert_array_equal(predict_multitask(model, frame(problem), FEATURES), expected)
    np.testing.assert_array_equal(predict_multitask(stock, frame(problem), FEATURES), expected)


def test_the_text_is_kept_as_it_was_given(model: MultiTaskModel) -> None:
    text = model.model_to_string()
    assert MultiTaskModel(text).model_to_string() == text


def test_features_are_taken_by_name(model: MultiTaskModel, problem: Problem) -> None:
    np.testing.assert_array_equal(
        predict_multitask(model, frame(problem, [4, 2, 0, 1, 3]), FEATURES),
        predict_multitask(model, frame(problem), FEATURES),
    )


@pytest.mark.parametrize("rows_per_chunk", [1, 7, 400, 1000])
def test_chunks_do_not_matter(
    model: MultiTaskModel, problem: Problem, rows_per_chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = predict_multitask(model, frame(problem), FEATURES)
    monkeypatch.setattr("models.trees.multitask_model._VALUES_PER_CHUNK", 5 * rows_per_chunk)
    found = predict_multitask(model, frame(problem), FEATURES)
    assert found.shape == (400, 3)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numeric_columns_of_any_width(model: MultiTaskModel, problem: Problem, dtype: Any) -> None:
    table = frame(problem).astype(dict.fromkeys(FEATURES, dtype))
    np.testing.assert_array_equal(
        predict_multitask(model, table, FEATURES), model.predict(problem.valid_x)
    )


def test_one_row_gives_one_row(model: MultiTaskModel, problem: Problem) -> None:
    found = predict_multitask(model, frame(problem)[7:8], FEATURES)
    np.testing.assert_array_equal(found, model.predict(problem.valid_x)[7:8])


def test_no_rows_give_no_rows(model: MultiTaskModel, problem: Problem) -> None:
    assert predict_multitask(model, frame(problem)[:0], FEATURES).shape == (0, 3)


def test_a_missing_feature_is_named(model: MultiTaskModel, problem: Problem) -> None:
    with pytest.raises(KeyError, match="b c"):
        predict_multitask(model, frame(problem).drop(columns="b c"), FEATURES)


def test_importance_counts_every_task_alike(model: MultiTaskModel) -> None:
    splits = model.feature_importance("split")
    assert splits.shape == (5,)
    assert splits.sum() > 0
    assert (splits % 3 == 0).all()
    gain = model.feature_importance()
    assert ((gain > 0) == (splits > 0)).all()
    np.testing.assert_array_equal(gain, model.feature_importance("gain"))

"""Names that other programs use: all of LightGBM's lead to what does the same, or say why not."""

from typing import Any

import pytest
from lightgbm.basic import _ConfigAliases

from exceptions import HyperparameterError
from hyperparams.hints import HINTS
from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from hyperparams.known_names import IGNORED_NAMES, OTHER_SPELLINGS

KNOBS = LightGBMMtModelHyperparameters.model_fields
MINIMAL: dict[str, Any] = {
    "tab_field_list": ["amount"],
    "cat_field_list": [],
    "label_name": "isFraud",
    "loss_type": "fixed",
}
# Their spelling alone leads to the right knob where there is one.
NEAR_ENOUGH = ("monotone_constraints", "interaction_constraints", "input_model")


def test_every_name_of_lightgbm_is_a_knob_or_explained() -> None:
    aliases = _ConfigAliases._get_all_param_aliases()
    names = {
        name
        for main, others in aliases.items()
        if not main.startswith(("monotone", *NEAR_ENOUGH))
        for name in (main, *others)
    }
    assert len(names) > 200
    assert sorted(names - {*KNOBS, *IGNORED_NAMES, *OTHER_SPELLINGS, *HINTS}) == []


def test_no_name_is_in_two_tables() -> None:
    assert not set(HINTS) & {*KNOBS, *IGNORED_NAMES, *OTHER_SPELLINGS}


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("scale_pos_weight", "rare positives need no weight here: .* sample_weight_name or task"),
        ("is_unbalance", "rare positives need no weight here"),
        ("early_stopping_patience", "early_stopping_rounds does that, counted in iterations"),
        ("epochs", "there are no passes over the data: num_iterations"),
        ("eval_metric", "early_stopping_metric says what early stopping watches"),
        ("verbose", "the log has the progress"),
        ("bagging_seed", "seed is the one seed"),
        ("n_estimators", 'the nearest known name is "num_iterations"'),
        ("max_leaves", 'the nearest known name is "num_leaves"'),
        ("subsample", 'the nearest known name is "bagging_fraction"'),
        ("n-jobs", 'the nearest known name is "num_threads"'),
        ("Scale_Pos_Weight", "rare positives need no weight here"),
    ],
)
def test_names_that_people_try(name: str, advice: str) -> None:
    with pytest.raises(HyperparameterError, match=f'^Unknown hyperparameter "{name}"; {advice}'):
        LightGBMMtModelHyperparameters.parse(MINIMAL | {name: 1})


@pytest.mark.parametrize("name", HINTS)
def test_hints_name_knobs_that_there_are(name: str) -> None:
    named = {word.strip("(),;:.") for word in HINTS[name].split() if "_" in word}
    allowed = {*KNOBS, "instance_count", "main_auc", "mean_auc", "mean_logloss", "path_smooth"}
    assert named - allowed <= {"metrics.json", "resourceconfig.json"}

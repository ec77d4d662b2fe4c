"""The loop of iterations, with LightGBM-style callbacks."""

import logging
from collections.abc import Sequence
from typing import Protocol

from lightgbm.callback import CallbackEnv, EarlyStopException

from models.engine.booster import SharedTreeBooster
from models.engine.task_relations import LOOSE_CORRELATION, loose_tasks
from models.training.progress import mean_of_defined

logger = logging.getLogger(__name__)

EvaluationResult = tuple[str, str, float, bool]


class Callback(Protocol):
    """What the loop calls before or after every iteration."""

    order: int
    before_iteration: bool

    def __call__(self, env: CallbackEnv) -> None:
        """Takes part in one iteration."""


def train(
    booster: SharedTreeBooster,
    num_iterations: int,
    eval_frequency: int,
    callbacks: Sequence[Callback],
) -> None:
    """Trains until there are `num_iterations` trees or a callback raises `EarlyStopException`.

    Args:
        booster: Is trained; may have trees already.
        num_iterations: Number of trees wanted in all.
        eval_frequency: Iterations between two evaluations on the validation rows.
        callbacks: Called with a `CallbackEnv`. After an evaluation its `evaluation_result_list`
            has the validation AUC of every task, in order, then `main_auc`, `mean_auc` and
            `mean_logloss`; it is empty otherwise.
    """
    ordered = sorted(callbacks, key=lambda callback: callback.order)
    before = [callback for callback in ordered if callback.before_iteration]
    after = [callback for callback in ordered if not callback.before_iteration]
    first = len(booster.trees)

    def call(group: Sequence[Callback], iteration: int, results: list[EvaluationResult]) -> None:
        env = CallbackEnv(
            model=booster,
            params={},
            iteration=iteration,
            begin_iteration=first,
            end_iteration=num_iterations,
            evaluation_result_list=results,
        )
        for callback in group:
            callback(env)

    try:
        for iteration in range(first, num_iterations):
            call(before, iteration, [])
            booster.update()
            evaluated = (iteration + 1) % eval_frequency == 0
            call(after, iteration, evaluation_results(booster) if evaluated else [])
    except EarlyStopException:
        return


def evaluation_results(booster: SharedTreeBooster) -> list[EvaluationResult]:
    """Validation scores as (dataset, metric, value, higher is better)."""
    task_auc, mean_logloss = booster.evaluate()
    state = booster.state
    return [
        *(
            ("val", f"{name}_auc", auc, True)
            for name, auc in zip(state.task_names, task_auc, strict=True)
        ),
        ("val", "main_auc", task_auc[state.main_task], True),
        ("val", "mean_auc", mean_of_defined(task_auc), True),
        ("val", "mean_logloss", mean_logloss, False),
    ]


def finish(booster: SharedTreeBooster) -> None:
    """Completes the state: a last evaluation, and how the tasks go together.

    The evaluation is made if the last iteration had none. A checkpoint is saved before it: a run
    that goes on has its evaluations at the same iterations as one that was never interrupted.
    """
    state = booster.state
    if state.evaluated_iterations[-1:] != [state.current_iteration]:
        state.record_evaluation(*booster.evaluate())
    all_trees = [*booster.initial_trees, *booster.trees]
    if all_trees and all(tree.structure.n_leaves == 1 for tree in all_trees):
        logger.warning(
            "None of the trees (%d) has a split: the model is the tasks' base rates. No split was "
            "worth it under min_data_in_leaf, min_sum_hessian_in_leaf and min_gain_to_split",
            len(all_trees),
        )
    state.task_similarity = booster.similarity_matrix().tolist()
    correlation = booster.score_correlation()
    state.task_score_correlation = correlation.tolist()
    for task in loose_tasks(correlation):
        logger.warning(
            "Task %d (%s) has little in common with the other tasks (no correlation of log-odds "
            "above %.1f on the validation split): it may do better with a model of its own",
            task,
            state.task_names[task],
            LOOSE_CORRELATION,
        )

"""Every knob of the job: type, range, default and meaning."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from annotated_types import Ge
from pydantic import BaseModel, ConfigDict, Field

from hyperparams.coercion import (
    AsChoice,
    AsContainer,
    AsFlag,
    AsInteger,
    AsNumber,
    Direction,
    Flag,
    Integer,
    Name,
    Names,
    Number,
    Rate,
)
from hyperparams.known_names import IGNORED_NAMES
from hyperparams.problems import INT32_MAX, MAX_LEAVES, Described


def _task_count(data: dict[str, Any]) -> int | None:
    names = data.get("task_label_names")
    return None if names is None else len(names)


def _index_of_main_task(data: dict[str, Any]) -> int | None:
    names, label = data.get("task_label_names"), data.get("label_name")
    return names.index(label) if names is not None and label in names else None


def _bagging_freq(data: dict[str, Any]) -> int:
    return 1 if data["bagging_fraction"] < 1 else 0


class Knobs(BaseModel):
    """The knobs, each valid by itself.

    Values written as text are converted where they convert exactly (see ``coercion``), and the
    names of the older script (``IGNORED_NAMES``) are kept without effect.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", allow_inf_nan=False)

    tab_field_list: Names = Field(description="Numerical features.")
    cat_field_list: Names = Field(description="Categorical features, mapped to risks.")
    label_name: Name = Field(description="Label column of the main task; one of the tasks.")
    task_label_names: Annotated[list[Name] | None, AsContainer] = Field(
        default=None,
        min_length=2,
        description="Label columns of all tasks, in order; null: found in the data.",
    )
    main_task_index: Annotated[int | None, AsInteger] = Field(
        default_factory=_index_of_main_task,
        ge=0,
        le=INT32_MAX,
        description="Index of label_name in task_label_names; if given, it must agree.",
    )
    num_tasks: Annotated[int | None, AsInteger] = Field(
        default_factory=_task_count,
        ge=2,
        le=INT32_MAX,
        description="Number of tasks; if given, it must agree with task_label_names.",
    )
    id_name: Name = Field(
        default="id", description="Id column; if the data have none, rows are numbered."
    )
    sample_weight_name: Name | None = Field(
        default=None,
        description="Column of non-negative row weights; null: every row weighs 1.",
    )
    task_weight_columns: Annotated[dict[Name, Name] | None, AsContainer] = Field(
        default=None,
        description="For some or all tasks a column of row weights: {task: column}.",
    )
    amount_name: Name | None = Field(
        default=None,
        description="Column of the money at stake in each row, read for the evaluation alone; "
        "null: no figures in money.",
    )
    previous_score_columns: Annotated[dict[Name, Name] | None, AsContainer] = Field(
        default=None,
        description="For some or all tasks the column of an earlier model's scores, read for the "
        "evaluation alone: {task: column}; null: no comparison.",
    )
    missing_labels: Annotated[Literal["error", "mask"], AsChoice] = Field(
        default="error",
        description="An empty label ends the job, or leaves its row out of that task alone.",
    )

    loss_type: Annotated[Literal["fixed", "adaptive", "adaptive_kd"], AsChoice] = Field(
        description="Task weights: as configured, adapted, or adapted with distillation."
    )
    loss_beta: Number = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Weight of each subtask; the initial one for the adaptive losses.",
    )
    loss_main_task_weight: Number = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Weight of the main task; the initial one for the adaptive losses.",
    )
    loss_weight_lr: Number = Field(
        default=0.1, ge=0, le=1, description="Learning rate of the task weights' update."
    )
    loss_weight_method: Annotated[Literal["standard", "tenIters", "sqrt", "delta"], AsChoice] = (
        Field(default="standard", description="How dissimilarity to the main task moves weights.")
    )
    loss_weight_update_frequency: Integer = Field(
        default=10, ge=1, le=INT32_MAX, description="Iterations between weight updates."
    )
    loss_patience: Integer = Field(
        default=5,
        ge=1,
        le=INT32_MAX,
        description="Evaluations without improvement before a task counts as struggling.",
    )
    loss_kd_weight: Number = Field(
        default=0.1, ge=0, description="Weight of the distillation term of a struggling task."
    )
    loss_kd_teacher: Annotated[Literal["main", "best_self"], AsChoice] = Field(
        default="main",
        description="Distil from the main task, or from the task's own best iteration.",
    )
    loss_split_gradient: Annotated[Literal["projection", "weighted_sum"], AsChoice] = Field(
        default="projection",
        description="The gradient that picks the splits: random projection of the tasks' "
        "gradients, or their weighted sum.",
    )
    loss_cache_predictions: Flag = Field(
        default=True, description="Reuse the tasks' probabilities within an iteration."
    )
    loss_precompute_indices: Flag = Field(default=True, description="Build task indices once.")

    num_iterations: Integer = Field(
        default=100, ge=1, le=INT32_MAX, description="Trees, each shared by all tasks."
    )
    learning_rate: Number = Field(
        default=0.1, gt=0, le=1, description="Shrinkage of the leaf values."
    )
    num_leaves: Integer = Field(
        default=31, ge=2, le=MAX_LEAVES, description="Most leaves of a tree."
    )
    max_depth: Annotated[Literal[-1] | Annotated[int, Ge(1)], AsInteger] = Field(
        default=-1, le=INT32_MAX, description="Most levels of a tree; -1: no limit."
    )
    min_data_in_leaf: Integer = Field(
        default=20,
        ge=0,
        le=INT32_MAX,
        description="Fewest rows in a leaf; LightGBM estimates them from the hessians.",
    )
    min_sum_hessian_in_leaf: Number = Field(
        default=1e-3, ge=0, description="Smallest sum of the structure's hessians in a leaf."
    )
    lambda_l1: Number = Field(
        default=0.0, ge=0, description="L1 regularization of the leaf values and of a split's gain."
    )
    lambda_l2: Number = Field(
        default=6.0,
        ge=0,
        description="L2 regularization of the leaf values, towards the value of the parent node: "
        "the hessian that this weighs in with, against that of the leaf's own rows.",
    )
    min_gain_to_split: Number = Field(default=0.0, ge=0, description="Smallest gain of a split.")
    max_bin: Integer = Field(
        default=255,
        ge=2,
        le=255,
        description="Most bins of a feature; up to 255, so that a bin number stays one byte.",
    )
    feature_fraction: Number = Field(
        default=1.0, gt=0, le=1, description="Share of the features that a tree may use."
    )
    bagging_fraction: Number = Field(
        default=1.0, gt=0, le=1, description="Share of the rows that a tree is grown on."
    )
    bagging_freq: Integer = Field(
        default_factory=_bagging_freq,
        ge=0,
        le=INT32_MAX,
        description="Iterations between drawings of rows, 0: never; "
        "null: 1 if bagging_fraction is below 1, else 0.",
    )
    boosting_type: Annotated[Literal["gbdt"], AsChoice] = Field(
        default="gbdt", description="Only gbdt."
    )
    use_quantized_grad: Annotated[Literal["auto"] | bool, AsFlag] = Field(
        default="auto",
        description="Quantize the gradients that pick the splits (leaf values stay exact); "
        "auto: where neither rows nor features are sampled.",
    )
    num_grad_quant_bins: Integer = Field(
        default=64,
        ge=2,
        le=127,
        description="Levels of a quantized gradient; LightGBM 4.7 keeps them in a signed byte.",
    )
    seed: Integer = Field(
        default=42, ge=0, le=INT32_MAX, description="Seed of everything that is random."
    )
    num_threads: Integer = Field(
        default=0,
        ge=0,
        le=INT32_MAX,
        description="Threads, at most one per processor; 0: as many as the job may use.",
    )

    eval_frequency: Integer = Field(
        default=5, ge=1, le=INT32_MAX, description="Iterations between validation scores."
    )
    early_stopping_rounds: Integer = Field(
        default=0,
        ge=0,
        le=INT32_MAX,
        description=(
            "Iterations without improvement after which training stops, seen at evaluations "
            "(eval_frequency); 0: never."
        ),
    )
    early_stopping_metric: Annotated[Literal["main_auc", "mean_auc", "mean_logloss"], AsChoice] = (
        Field(default="main_auc", description="Validation score that early stopping watches.")
    )
    calibrate_intercept: Flag = Field(
        default=False,
        description="Shift each task's log-odds so that the validation rows' mean probability is "
        "the base rate of the training and validation labels; no ranking changes.",
    )
    checkpoint_frequency: Annotated[int | None, AsInteger] = Field(
        default=None,
        ge=1,
        le=INT32_MAX,
        description="Iterations between checkpoints; "
        "null: chosen so that checkpoints cost at most 1 % of the time.",
    )

    risk_table_smoothing: Annotated[Literal["auto"] | Annotated[float, Ge(0)], AsNumber] = Field(
        default="auto",
        description="Rows' worth of the mean risk that a category's risk is mixed with; "
        "auto: estimated from the data.",
    )
    risk_table_folds: Integer = Field(
        default=5,
        ge=2,
        le=INT32_MAX,
        description="Folds in which the training rows' risks are computed out of fold.",
    )

    risk_tables: Annotated[Literal["auto", "main", "per_task"], AsChoice] = Field(
        default="auto",
        description="main: a category's risk is the main task's positive rate; "
        "per_task: and the other tasks' rates, each as a feature of its own; "
        "auto: and those that differ from what the main task's rate tells, beyond chance.",
    )
    monotone_constraints: Annotated[
        dict[Name, Direction] | dict[Name, dict[Name, Direction]] | None,
        AsContainer,
        Described('an object {"<feature>": 1 or -1} or {"<task>": {"<feature>": 1 or -1}}'),
    ] = Field(
        default=None,
        description="Numerical features that a task's probability never falls (1) or never rises "
        "(-1) with: {feature: direction} for all tasks, or {task: {feature: direction}}.",
    )
    interaction_constraints: Annotated[
        list[list[Name]] | None, AsContainer, Described("a list of lists of features")
    ] = Field(
        default=None,
        description="Groups of features; no path of a tree leaves a group.",
    )
    task_base_rates: Annotated[
        dict[Name, Rate] | None,
        AsContainer,
        Described('an object {"<task>": rate} of rates > 0 and < 1'),
    ] = Field(
        default=None,
        description="True positive rates of tasks whose training rows were sampled by label: "
        "the log-odds are shifted from the training rows' rate to this one.",
    )

    init_model: Annotated[Name | None, Described("a path, as text in one line")] = Field(
        default=None,
        description="Model directory or model.tar.gz whose trees the new ones are added to; "
        "null: that of the channel model, if there is one.",
    )

    @property
    def monotone_directions(self) -> Mapping[str, Mapping[str, int]]:
        """Constrained features and their directions, by task; needs the tasks to be known."""
        given = self.monotone_constraints or {}
        by_task = {task: value for task, value in given.items() if isinstance(value, dict)}
        for_all = {name: value for name, value in given.items() if not isinstance(value, dict)}
        if for_all:
            by_task = dict.fromkeys(self.task_label_names or [], for_all)
        return by_task

    @property
    def monotone_features(self) -> list[str]:
        """The features that any task's `monotone_constraints` name."""
        names: dict[str, None] = {}
        for name, value in (self.monotone_constraints or {}).items():
            names |= dict.fromkeys(value if isinstance(value, dict) else [name])
        return list(names)

    @property
    def risk_labels(self) -> list[str]:
        """The tasks whose rates are the categories' risks; the main task comes first."""
        others = [name for name in self.task_label_names or [] if name != self.label_name]
        return [self.label_name, *(others if self.risk_tables != "main" else [])]

    @property
    def features_in_no_group(self) -> list[str]:
        """The features that `interaction_constraints` leave out: LightGBM never uses them."""
        groups = self.interaction_constraints
        named = {name for group in groups or [] for name in group}
        return [name for name in self.feature_list if name not in named] if groups else []

    @property
    def ignored(self) -> list[str]:
        """Names of the older script that were given; their values are kept but not used."""
        return [name for name in IGNORED_NAMES if name in (self.model_extra or {})]

    @property
    def feature_list(self) -> list[str]:
        """All features: numerical, then categorical."""
        return [*self.tab_field_list, *self.cat_field_list]

    @property
    def main_task_name(self) -> str:
        """Label column of the main task."""
        return self.label_name

    @property
    def samples_rows(self) -> bool:
        """Whether trees are grown on a share of the rows."""
        return self.bagging_fraction < 1 and self.bagging_freq > 0

    @property
    def quantizes_gradients(self) -> bool:
        """Whether the structure's gradients are quantized.

        Not together with sampling: with bagging LightGBM 4.7.0 crashes, with column sampling the
        model degrades.
        """
        if self.use_quantized_grad == "auto":
            return not self.samples_rows and self.feature_fraction == 1
        return self.use_quantized_grad

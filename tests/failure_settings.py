"""Rows of the failure table: hyperparameters, the platform, precomputed artifacts."""

import os
from collections.abc import Iterator
from pathlib import Path

from failure_cases import (
    ARTIFACTS,
    SPLITS,
    Case,
    artifact,
    config,
    everywhere,
    file_instead,
    instead,
    nothing,
    removed,
    renamed,
    settings,
    steps,
    tables,
)
from jobs import run_job
from trees import CATEGORICAL, NUMERICAL

from models.training.factory import NOT_IN_THE_TREES

NATIVE = "code/hyperparams/hyperparameters.json"
IN_NATIVE = f"(in BASE/{NATIVE})"
JOB_FILE = "input/config/hyperparameters.json"
FLAGS = ("USE_PRECOMPUTED_IMPUTATION", "USE_PRECOMPUTED_RISK_TABLES", "USE_PRECOMPUTED_FEATURES")
IMPUTE = dict.fromkeys(NUMERICAL, 0.5)
RISKS = {name: {"bins": {"DE": 0.1}, "default_bin": 0.2} for name in CATEGORICAL}
HEADER = "'id', 'amount', 'age', 'balance', 'country', 'channel', 'isFraud', 'isCard' and 1 more"


def of_hyperparameters() -> Iterator[Case]:
    yield Case(
        "a name of another library",
        settings(scale_pos_weight=20),
        'Unknown hyperparameter "scale_pos_weight"; rare positives need no weight here: every '
        "task's gradients are scaled alike, and probabilities stay calibrated; rows are weighted "
        f"by sample_weight_name or task_weight_columns {IN_NATIVE}",
    )
    yield Case(
        "no hyperparameters at all",
        removed("code"),
        f"No hyperparameters: neither BASE/{NATIVE} nor BASE/{JOB_FILE} exists, one is needed",
    )
    for fault, written, cause in (
        ("no JSON", b'{"seed": }', "is not valid JSON: Expecting value at line 1 column 10"),
        ("no object", b"[1]", "must hold one JSON object, found [1]"),
        ("no UTF-8", b'{"a": "\xff"}', "is not UTF-8 text: byte 0xff at line 1 column 8"),
        (
            "a name twice",
            b'{"seed": 1, "seed": 2}',
            'is not valid JSON: the key "seed" is given twice: 1 and 2',
        ),
        (
            "NaN",
            b'{"lambda_l2": NaN}',
            "is not valid JSON: NaN is no number that JSON allows, at line 1 column 15",
        ),
    ):
        yield Case(f"{fault} in the file", file_instead(NATIVE, written), f"BASE/{NATIVE} {cause}")
    yield Case(
        "a folder instead of the file",
        steps(removed(NATIVE), lambda base: (base / NATIVE).mkdir()),
        f"BASE/{NATIVE} cannot be read: it is a folder",
    )
    required = ("tab_field_list", "cat_field_list", "label_name", "loss_type")
    for name in required:
        yield Case(
            f"{name} missing",
            settings(**{name: ...}),
            f"Missing required key in hyperparameters: {name}",
        )
    yield Case(
        "nothing given",
        file_instead(NATIVE, b"{}"),
        "4 problems in the hyperparameters: "
        + "; ".join(f"Missing required key in hyperparameters: {name}" for name in required),
        more=True,
    )
    yield Case(
        "values out of range",
        settings(learning_rate=0, num_leaves=1, loss_beta=1.5),
        "3 problems in the hyperparameters: "
        f"loss_beta must be a number >= 0 and <= 1, found 1.5 {IN_NATIVE}; "
        f"learning_rate must be a number > 0 and <= 1, found 0 {IN_NATIVE}; "
        f"num_leaves must be an integer >= 2, found 1 {IN_NATIVE}",
        more=True,
    )
    for fault, changes, cause in (
        (
            "an unknown name",
            {"learning_rat": 0.1},
            'Unknown hyperparameter "learning_rat"; the nearest known name is "learning_rate"',
        ),
        (
            "text for a number",
            {"num_iterations": "many"},
            'num_iterations must be an integer >= 1, found "many"',
        ),
        (
            "a main task that is no task",
            {"label_name": "isFraudd"},
            'label_name "isFraudd" is not among task_label_names ("isFraud", "isCard", "isDebit"); '
            'the nearest is "isFraud"',
        ),
        (
            "main_task_index and label_name",
            {"main_task_index": 2},
            'main_task_index is 2, but label_name "isFraud" has index 0 in task_label_names',
        ),
        (
            "num_tasks and task_label_names",
            {"num_tasks": 4},
            "num_tasks is 4, but task_label_names has 3 names",
        ),
        (
            "one task",
            {"task_label_names": ["isFraud"]},
            "task_label_names must be a list of at least 2 column names (text in one line, not "
            'blank), found ["isFraud"]',
        ),
        (
            "a task twice",
            {"task_label_names": ["isFraud", "isCard", "isCard"]},
            'task_label_names names more than once: "isCard"',
        ),
        (
            "a feature twice",
            {"tab_field_list": ["amount", "age", "age"]},
            'tab_field_list names more than once: "age"',
        ),
        (
            "no features",
            {"tab_field_list": [], "cat_field_list": []},
            "tab_field_list and cat_field_list are both empty: at least one feature is needed",
        ),
        (
            "a feature that is a label",
            {"tab_field_list": ["amount", "isCard"]},
            'in both tab_field_list and task_label_names, but a label is no feature: "isCard"',
        ),
        (
            "a feature that is the main label",
            {"cat_field_list": ["country", "isFraud"]},
            'label_name "isFraud" is also in cat_field_list, but a label is no feature',
        ),
        (
            "a feature of both kinds",
            {"cat_field_list": ["country", "age"]},
            'in both tab_field_list and cat_field_list: "age"',
        ),
        (
            "a feature that is the id",
            {"id_name": "country"},
            'id_name "country" is also in cat_field_list',
        ),
        (
            "a label that is the id",
            {"id_name": "isCard"},
            'id_name "isCard" is also in task_label_names',
        ),
        (
            "a feature that is a weight",
            {"sample_weight_name": "country"},
            'sample_weight_name uses columns that are also in cat_field_list: "country"',
        ),
        (
            "weights of an unknown task",
            {"task_weight_columns": {"isCart": "weight"}},
            "task_weight_columns has tasks that are not among task_label_names "
            '("isFraud", "isCard", "isDebit"): "isCart"',
        ),
        (
            "quantized gradients and bagging",
            {"use_quantized_grad": True, "bagging_fraction": 0.5},
            "use_quantized_grad is true, but LightGBM 4.7 crashes with it when bagging_fraction "
            'is below 1 (0.5): set it to "auto" or false, or sample no rows',
        ),
    ):
        yield Case(fault, settings(**changes), f"{cause} {IN_NATIVE}")
    for fault, document, cause in (
        (
            "a value out of range",
            {"learning_rate": "7"},
            f"learning_rate must be a number > 0 and <= 1, found 7.0 (in BASE/{JOB_FILE})",
        ),
        (
            "a list that is none",
            {"tab_field_list": "amount, age"},
            "tab_field_list must be a list of column names (text in one line, not blank), found "
            f'"amount, age" (in BASE/{JOB_FILE})',
        ),
        ("no object", "x", f'BASE/{JOB_FILE} must hold one JSON object, found "x"'),
    ):
        yield Case(f"{fault} from the platform", config("hyperparameters.json", document), cause)
    yield Case(
        "an unknown region",
        nothing,
        'The environment variable REGION must be one of NA, EU, FE or not set, found "US"',
        environ={"REGION": "US"},
    )


def of_task_detection() -> Iterator[Case]:
    detected = settings(task_label_names=...)
    by_name = "by their column names, because task_label_names is not given"
    yield Case(
        "no tasks detected",
        steps(detected, tables(renamed(isFraud="label"))),
        "Could not auto-detect task columns. Expected columns starting with 'task_' or common "
        "fraud patterns. Please specify 'task_label_names' explicitly in hyperparameters.",
    )
    yield Case(
        "one task detected",
        detected,
        f"wanted at least 2 tasks, found 1 tasks {by_name}: 'isFraud'",
    )
    yield Case(
        "another number of tasks detected",
        steps(settings(task_label_names=..., num_tasks=3), tables(renamed(isCard="isCCfrd"))),
        f"wanted num_tasks = 3 tasks, found 2 tasks {by_name}: 'isFraud', 'isCCfrd'",
    )
    yield Case(
        "other tasks than the main one detected",
        steps(detected, tables(renamed(isCard="task_card", isDebit="task_debit"))),
        "wanted the main task label_name = 'isFraud' among the tasks, found 2 tasks "
        f"{by_name}: 'task_card', 'task_debit'",
    )
    yield Case(
        "a feature detected as a task",
        steps(
            settings(task_label_names=..., tab_field_list=["isCCfrd"]),
            tables(renamed(isCard="isCCfrd")),
        ),
        "in both tab_field_list and task_label_names, but a label is no feature: "
        '"isCCfrd" (found in the data)',
    )
    yield Case(
        "a task that is in no file",
        settings(task_label_names=["isFraud", "isCrad"]),
        "task label columns missing in the data: 'isCrad' (nearest: 'isCard' or 'isFraud')",
    )


def of_the_platform() -> Iterator[Case]:
    for name in FLAGS:
        yield Case(
            f"{name} is no boolean",
            nothing,
            f"Environment variable {name} must be true, false, 1, 0, yes or no, found 'maybe'",
            environ={name: "maybe"},
        )
    yield Case(
        "checkpoints that are a file",
        file_instead("checkpoints"),
        "the checkpoint directory BASE/checkpoints is no folder: make it a folder, or remove it to "
        "train without",
    )
    yield Case(
        "one folder for model and evaluation",
        nothing,
        "the model directory BASE/model is also the evaluation directory: give it one of its own",
        environ={"SM_OUTPUT_DATA_DIR": "BASE/model"},
    )
    hosts = "input/config/resourceconfig.json"
    yield Case(
        "no object with hosts",
        config("resourceconfig.json", ["algo-1"]),
        f'BASE/{hosts} must hold one JSON object, found ["algo-1"]',
    )
    yield Case(
        "no list of hosts",
        config("resourceconfig.json", {"hosts": 2}),
        f'BASE/{hosts}: "hosts" must be a list of names, found 2',
    )
    yield Case(
        "Pipe mode",
        config(
            "inputdataconfig.json",
            {"train": {"TrainingInputMode": "Pipe"}, "val": {"TrainingInputMode": "File"}},
        ),
        "channels in Pipe mode cannot be read as files: train "
        "(BASE/input/config/inputdataconfig.json); set input_mode to File or FastFile",
    )
    yield Case(
        "no JSON in a file of the platform",
        file_instead("input/config/inputdataconfig.json", b"{"),
        "BASE/input/config/inputdataconfig.json is not valid JSON: <...>",
    )
    for name in ("code/hyperparams/hyperparameters.json", "input/config/resourceconfig.json"):
        for kind, make, reason in (
            ("pipe", os.mkfifo, "it is a pipe"),
            ("folder", Path.mkdir, "it is a folder"),
            (
                "link to nothing",
                lambda path: path.symlink_to("gone"),
                "it is a link to gone, which does not exist",
            ),
        ):
            yield Case(
                f"a {kind} in place of {name}",
                instead(name, make),
                f"BASE/{name} cannot be read: {reason}",
            )
    yield Case(
        "no folder for checkpoints",
        config("checkpointconfig.json", {"LocalPath": 7}),
        'BASE/input/config/checkpointconfig.json: wanted {"LocalPath": "<folder>"}, '
        "found \"{'LocalPath': 7}\"",
    )
    yield Case(
        "a checkpoint of other hyperparameters",
        steps(lambda base: (base / "checkpoints").mkdir(), run_job, settings(seed=7)),
        "checkpoint BASE/checkpoints/checkpoint-00000002.npz belongs to other data, other "
        f"hyperparameters (any but {', '.join(NOT_IN_THE_TREES)}) or another version of "
        "LightGBM or of this program: empty the checkpoint directory to start from the beginning, "
        "or restore what the checkpoint was made with",
    )
    for place in ("model", "output/data"):
        yield Case(
            f"{place} is a file",
            file_instead(place),
            f"a folder is needed where there is a file: BASE/{place} (File exists)",
        )


def of_artifacts() -> Iterator[Case]:
    place = f"BASE/{ARTIFACTS}"
    files = ("impute_dict.pkl", "risk_table_map.pkl", "selected_features.json")
    imputation, risks, features = ({name: "true"} for name in FLAGS)
    for flag, file in zip(FLAGS, files, strict=True):
        yield Case(
            f"no channel for {file}",
            nothing,
            f"{place}: wanted {file}, directly or in model.tar.gz, because {flag} is true; it does "
            "not exist",
            environ={flag: "true"},
        )
    yield Case(
        "artifacts under other names",
        artifact("impute.pkl", IMPUTE),
        f"{place}: wanted {', '.join(files)}, directly or in model.tar.gz, because "
        f"{', '.join(FLAGS)} is true; found impute.pkl",
        environ={**imputation, **risks, **features},
    )
    for fault, name, document, cause, environ in (
        (
            "a mean is missing",
            "impute_dict.pkl",
            {"amount": 1.0},
            "missing entries: 'age', 'balance'",
            imputation,
        ),
        (
            "a mean is no number",
            "impute_dict.pkl",
            IMPUTE | {"age": "old"},
            "wanted a finite number per column, found: age: a str",
            imputation,
        ),
        (
            "means in a list",
            "impute_dict.pkl",
            [1.0],
            "wanted {column: value}, found a list",
            imputation,
        ),
        (
            "a risk table is missing",
            "risk_table_map.pkl",
            {"country": RISKS["country"]},
            "missing entries: 'channel'",
            risks,
        ),
        (
            "a risk table without default",
            "risk_table_map.pkl",
            RISKS | {"channel": {"bins": {}}},
            "column 'channel': missing entries: 'default_bin'",
            risks,
        ),
        (
            "selected features of another form",
            "selected_features.json",
            {"selected": ["amount"]},
            'wanted {"selected_features": [names]}, the key "selected_features" is missing',
            features,
        ),
        (
            "selected features that are none",
            "selected_features.json",
            {"selected_features": ["amount", "ages"]},
            '"selected_features" names features that are neither in tab_field_list nor in '
            "cat_field_list: 'ages' (nearest: 'age')",
            features,
        ),
    ):
        yield Case(fault, artifact(name, document), f"{place}/{name}: {cause}", environ=environ)
    yield Case(
        "a selected feature that the data lack",
        steps(
            artifact("selected_features.json", {"selected_features": ["extra"]}),
            settings(tab_field_list=["amount", "extra"]),
        ),
        "train/part-0.csv, train/part-1.csv, val/part-0.csv, test/part-0.csv: columns missing: "
        f"'extra'; found 9 columns: {HEADER}",
        environ=features,
    )
    yield Case(
        "selected features as a list alone",
        artifact("selected_features.json", ["amount"]),
        f'{place}/selected_features.json must hold one JSON object, found ["amount"]',
        environ=features,
    )
    for name, environ in zip(files, (imputation, risks, features), strict=True):
        yield Case(
            f"{name} is cut off",
            file_instead(str(ARTIFACTS / name), b"\x80\x04}"),
            f"{place}/{name}<...> not <...>",
            environ=environ,
        )


def of_artifacts_and_data(split: str) -> Iterator[Case]:
    """Flags that say that upstream has transformed the data, which is true of the other splits."""
    others = [other for other in SPLITS if other != split]

    rows = {"train": 120, "val": 60, "test": 60}[split]
    wrong = f"so {split} must have numbers only in these columns, but values are missing or no"
    yield Case(
        "values missing in spite of the flag",
        steps(
            artifact("impute_dict.pkl", IMPUTE),
            tables(everywhere(balance="0.5"), *others),
            tables(everywhere(balance="0.5", age=""), split),
        ),
        f"{FLAGS[0]} is true, {wrong} numbers in: 'age' ({rows} of {rows} rows)",
        environ={FLAGS[0]: "true"},
    )
    yield Case(
        "categories that are text in spite of the flag",
        steps(
            artifact("risk_table_map.pkl", RISKS),
            tables(everywhere(country="0.25", channel="0.5"), *others),
            tables(everywhere(country="0.25", channel="web"), split),
        ),
        f"{FLAGS[1]} is true, {wrong} numbers in: 'channel' ({rows} of {rows} rows)",
        environ={FLAGS[1]: "1"},
    )

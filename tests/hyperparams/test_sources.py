"""Hyperparameters from files: conversion of texts, overlay, regions, damaged files."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from exceptions import HyperparameterError
from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from hyperparams.known_names import IGNORED_NAMES
from hyperparams.sources import load_hyperparameters

BASE: dict[str, Any] = {
    "tab_field_list": ["amount"],
    "cat_field_list": ["country"],
    "label_name": "isFraud",
    "loss_type": "adaptive",
}

# What the two clients make of a value: text that the job file holds -> value of the knob.
JOB_TEXTS: list[tuple[str, str, Any]] = [
    ("learning_rate", "0.2", 0.2),
    ("learning_rate", '"0.2"', 0.2),
    ("learning_rate", " 2e-1 ", 0.2),
    ("learning_rate", "1", 1.0),
    ("num_leaves", "63", 63),
    ("num_leaves", "63.0", 63),
    ("num_leaves", '"63"', 63),
    ("num_leaves", r'"\"63\""', 63),
    ("num_leaves", "null", 31),
    ("num_leaves", "None", 31),
    ("max_depth", "-1", -1),
    ("loss_cache_predictions", "false", False),
    ("loss_cache_predictions", "False", False),
    ("loss_cache_predictions", '"true"', True),
    ("use_quantized_grad", "True", True),
    ("use_quantized_grad", '"auto"', "auto"),
    ("risk_table_smoothing", "auto", "auto"),
    ("risk_table_smoothing", "3", 3.0),
    ("loss_type", "adaptive_kd", "adaptive_kd"),
    ("loss_type", '"adaptive_kd"', "adaptive_kd"),
    ("loss_type", r'"\"adaptive_kd\""', "adaptive_kd"),
    ("tab_field_list", '["a", "b"]', ["a", "b"]),
    ("tab_field_list", r'"[\"a\", \"b\"]"', ["a", "b"]),
    ("tab_field_list", """['a', "b's"]""", ["a", "b's"]),
    ("tab_field_list", "['a','b']", ["a", "b"]),
    ("tab_field_list", '["1", "true", "null", "\\"q\\""]', ["1", "true", "null", '"q"']),
    ("tab_field_list", "[]", []),
    ("task_label_names", "null", None),
    ("task_weight_columns", '{"isFraud": "w"}', {"isFraud": "w"}),
    ("task_weight_columns", "{'isFraud': 'w'}", {"isFraud": "w"}),
    ("label_name", "123", "123"),
    ("label_name", "true", "true"),
    ("label_name", "1e3", "1e3"),
    ("label_name", '["a"]', '["a"]'),
    ("label_name", '"is fraud"', "is fraud"),
    ("label_name", '"null"', "null"),
    ("label_name", '"None"', "None"),
    ("label_name", r'"\"quoted\""', '"quoted"'),
    ("label_name", '"a" or "b"', '"a" or "b"'),
    ("label_name", " y ", " y "),
    ("id_name", "null", "id"),
    ("batch_size", "32", 32),
    ("class_weights", "[1, 2]", [1, 2]),
    ("class_weights", "[1, 2", "[1, 2"),
    ("optimizer", "adam", "adam"),
    ("categorical_feature", "null", None),
]

DAMAGED: list[tuple[bytes, str]] = [
    (b"", r"is not valid JSON: Expecting value at line 1 column 1$"),
    (b'{\n "a": 1,\n}', r"is not valid JSON: .* at line (2|3) column \d+$"),
    (b'{"a": 1} x', r"is not valid JSON: Extra data at line 1 column 10$"),
    (b"[1]", r"must hold one JSON object, found \[1\]$"),
    (b'"text"', r'must hold one JSON object, found "text"$'),
    (
        b'{"NaN": "NaN",\n "seed": NaN}',
        r"NaN is no number that JSON allows, at line 2 column 10$",
    ),
    (b'{"seed": -Infinity}', r"-Infinity is no number that JSON allows, at line 1 column 10$"),
    (b'{"seed": 1e999}', r"1e999 is no number that JSON allows, at line 1 column 10$"),
    (b'{"seed": ' + b"9" * 5000 + b"}", r"9{40} is no number that JSON allows, at line 1"),
    (b'{"seed": NaN"', r"NaN is no number that JSON allows, at line 1 column 10$"),
    (b'{"seed": -1e999x', r"-1e999 is no number that JSON allows, at line 1 column 10$"),
    (b'{"seed": 1, "seed": 2}', r'the key "seed" is given twice: 1 and 2$'),
    (
        b'{"task_weight_columns": {"a": "v", "a": "w"}}',
        r'the key "a" is given twice: "v" and "w"$',
    ),
    (b"[" * 100_000, r"is not valid JSON: lists or objects are nested too deeply$"),
    (b'{"header": "\\ud800"}', r"a text holds half of a surrogate pair"),
    (b'{"a":\n "\xe9"}', r"is not UTF-8 text: byte 0xe9 at line 2 column 3$"),
    (b'\xef\xbb\xbf{"\xe9": 1}', r"is not UTF-8 text: byte 0xe9 at line 1 column 3$"),
    (b"\xff\xfe{\x00}\x00", r"is not UTF-8 text: byte 0xff at line 1 column 1$"),
]


def write(path: Path, content: dict[str, Any] | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def load(
    tmp_path: Path,
    native: dict[str, Any] | bytes | None = None,
    job: dict[str, Any] | bytes | None = None,
    region: str | None = None,
) -> LightGBMMtModelHyperparameters:
    if native is not None:
        write(tmp_path / "code/hyperparameters.json", native)
    if job is not None:
        write(tmp_path / "config/hyperparameters.json", job)
    job_file = tmp_path / "config/hyperparameters.json"
    return load_hyperparameters(tmp_path / "code", job_file, region)


@pytest.mark.parametrize(("name", "text", "value"), JOB_TEXTS)
def test_texts_of_the_job_file(tmp_path: Path, name: str, text: str, value: Any) -> None:
    model = load(tmp_path, BASE, {name: text})
    stored = getattr(model, name)
    assert stored == value
    assert type(stored) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("num_leaves", "many", '"many"'),
        ("num_leaves", "", '""'),
        ("num_leaves", "3.5", "3.5"),
        ("num_leaves", "1_000", '"1_000"'),
        ("num_leaves", "true", '"true"'),
        ("learning_rate", "nan", '"nan"'),
        ("loss_cache_predictions", "1", '"1"'),
        ("tab_field_list", "a, b", '"a, b"'),
        ("tab_field_list", "[a, b]", r'"\[a, b\]"'),
        ("tab_field_list", "[1, 2]", "1 as item 1, 2 as item 2"),
        ("tab_field_list", '{"a": 1}', r'\{"a": 1\}'),
        ("task_weight_columns", '{"a": "v", "a": "w"}', ".*"),
        ("label_name", "", '""'),
    ],
)
def test_texts_that_do_not_convert_are_refused(
    tmp_path: Path, name: str, text: str, found: str
) -> None:
    place = r"in .*config/hyperparameters\.json"
    with pytest.raises(HyperparameterError, match=rf"^{name} must be .*, found {found} \({place}"):
        load(tmp_path, BASE, {name: text})


def test_numbers_and_lists_as_text_are_taken_from_the_native_file_too(tmp_path: Path) -> None:
    texts = {"num_leaves": "63", "learning_rate": "0.2", "loss_cache_predictions": "True"}
    model = load(tmp_path, BASE | texts | {"tab_field_list": '["a"]', "seed": 7.0})
    assert (model.num_leaves, model.learning_rate, model.seed) == (63, 0.2, 7)
    assert model.loss_cache_predictions is True
    assert model.tab_field_list == ["a"]


@pytest.mark.parametrize("name", ['"quoted"', "null", "None", "[1]", "7", "Air temperature [K]"])
def test_names_in_the_native_file_are_never_decoded(tmp_path: Path, name: str) -> None:
    assert load(tmp_path, BASE | {"label_name": name}).label_name == name


def test_the_job_is_laid_over_the_native_values(tmp_path: Path) -> None:
    native = BASE | {"num_leaves": 7, "seed": 1, "learning_rate": 0.3}
    job = {
        "num_leaves": "9",
        "learning_rate": "null",
        "sagemaker_program": '"train.py"',
        "sagemaker_region": "eu-west-1",
        "_tuning_objective_metric": "val:main_auc",
    }
    model = load(tmp_path, native, job)
    assert (model.num_leaves, model.seed, model.learning_rate) == (9, 1, 0.1)
    assert model.model_extra == {}


def test_the_job_file_alone_is_enough(tmp_path: Path) -> None:
    texts = {name: json.dumps(value) for name, value in BASE.items()}
    assert load(tmp_path / "job", job=texts) == load(tmp_path / "native", BASE)


def test_messages_name_the_file_of_each_value(tmp_path: Path) -> None:
    native = BASE | {"num_leaves": 1, "task_label_names": ["isFraud", "isCard"]}
    with pytest.raises(HyperparameterError) as caught:
        load(tmp_path, native, {"seed": "-1", "num_tasks": "3", "label_name": "null", "see": "1"})
    in_native = f"in {tmp_path}/code/hyperparameters.json"
    in_job = f"in {tmp_path}/config/hyperparameters.json"
    assert str(caught.value).split("\n")[1:] == [
        "Missing required key in hyperparameters: label_name",
        f"num_leaves must be an integer >= 2, found 1 ({in_native})",
        f"seed must be an integer >= 0, found -1 ({in_job})",
        f'Unknown hyperparameter "see"; the nearest known name is "seed" ({in_job})',
        f"num_tasks is 3, but task_label_names has 2 names ({in_job}, {in_native})",
    ]


@pytest.mark.parametrize(
    ("region", "files", "seed"),
    [
        (None, {"": 1, "_NA": 2}, 1),
        ("", {"": 1, "_NA": 2}, 1),
        ("NA", {"": 1, "_NA": 2}, 2),
        ("NA", {"_NA": 2}, 2),
        ("EU", {"": 1, "_EU": 3}, 3),
        ("FE", {"": 1, "_FE": 4}, 4),
        ("EU", {"": 1, "_NA": 2}, 1),
    ],
)
def test_regions(tmp_path: Path, region: str | None, files: dict[str, int], seed: int) -> None:
    for suffix, value in files.items():
        write(tmp_path / f"code/hyperparameters{suffix}.json", BASE | {"seed": value})
    assert load(tmp_path, region=region).seed == seed


@pytest.mark.parametrize("region", ["na", "US", "../x"])
def test_an_unknown_region_is_refused(tmp_path: Path, region: str) -> None:
    expected = r"^The environment variable REGION must be one of NA, EU, FE or not set, found "
    with pytest.raises(HyperparameterError, match=expected):
        load(tmp_path, BASE, region=region)


def test_no_source_at_all(tmp_path: Path) -> None:
    expected = r"^No hyperparameters: neither .*/code/hyp.*\.json nor .*/config/hyp.*\.json exists"
    with pytest.raises(HyperparameterError, match=expected):
        load(tmp_path)


@pytest.mark.parametrize("source", ["native", "job"])
@pytest.mark.parametrize(("content", "message"), DAMAGED)
def test_damaged_files(tmp_path: Path, source: str, content: bytes, message: str) -> None:
    contents: dict[str, Any] = {"native": BASE, source: content}
    with pytest.raises(HyperparameterError, match=message) as caught:
        load(tmp_path, contents["native"], contents.get("job"))
    folder = "code" if source == "native" else "config"
    assert str(caught.value).startswith(f"{tmp_path}/{folder}/hyperparameters.json ")
    assert "\n" not in str(caught.value)


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "code/hyperparameters.json").mkdir(parents=True)
    with pytest.raises(HyperparameterError, match=r"cannot be read: it is a folder$"):
        load(tmp_path)


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + json.dumps(BASE).encode()
    assert load(tmp_path / "a", content) == load(tmp_path / "b", BASE)


_LINE_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029\0"
column_names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=_LINE_BREAKS), min_size=1
).filter(str.strip) | st.sampled_from(
    ['"q"', "null", "None", "true", "1", "[1]", "{}", '"', "a,b", "Air temperature [K]", " é:/.. "]
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # Text of an ignored name has no schema: text that looks like JSON is read as JSON.
    | st.text("abc é[", max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=5,
)
fractions = st.floats(0, 1)
positive_fractions = st.floats(0, 1, exclude_min=True)
counts = st.integers(1, 2**31 - 1)


@st.composite
def valid_values(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(column_names, min_size=6, max_size=14, unique=True))
    tasks, (id_name, weight), features = names[:3], names[3:5], names[5:]
    split = draw(st.integers(0, len(features)))
    label = draw(st.sampled_from(tasks))
    required = {
        "tab_field_list": features[:split],
        "cat_field_list": features[split:],
        "label_name": label,
        "loss_type": draw(st.sampled_from(["fixed", "adaptive", "adaptive_kd"])),
        "id_name": id_name,
    }
    optional = {
        "task_label_names": st.just(tasks),
        "num_tasks": st.just(3),
        "main_task_index": st.just(tasks.index(label)),
        "sample_weight_name": st.just(weight),
        "task_weight_columns": st.sampled_from([{}, {tasks[1]: weight}]),
        "missing_labels": st.sampled_from(["error", "mask"]),
        "loss_beta": fractions,
        "loss_main_task_weight": positive_fractions,
        "loss_weight_method": st.sampled_from(["standard", "tenIters", "sqrt", "delta"]),
        "loss_cache_predictions": st.booleans(),
        "learning_rate": positive_fractions,
        "num_leaves": st.integers(2, 131_072),
        "max_depth": st.just(-1) | counts,
        "lambda_l2": st.floats(0, allow_infinity=False),
        "bagging_fraction": positive_fractions,
        "bagging_freq": st.integers(0, 9),
        "use_quantized_grad": st.sampled_from(["auto", False]),
        "early_stopping_rounds": st.integers(0, 500),
        "checkpoint_frequency": counts,
        "risk_table_smoothing": st.just("auto") | st.floats(0, allow_infinity=False),
        "risk_table_folds": st.integers(2, 99),
        **dict.fromkeys(IGNORED_NAMES[:3], json_values),
    }
    chosen = draw(st.sets(st.sampled_from(sorted(optional))))
    return required | {name: draw(optional[name]) for name in sorted(chosen)}


def as_json_encoding_client(value: Any) -> str:
    """Script mode of the SageMaker SDK."""
    return json.dumps(value)


def as_plain_text_client(value: Any) -> str:
    """``str`` as far as the job file can tell it from a JSON string or from no value."""
    if isinstance(value, str):
        return json.dumps(value) if value.strip() in {"null", "None"} or '"' in value else value
    return str(value)


ODD = {
    "tab_field_list": ['"q"', "null", "[1]", "true"],
    "cat_field_list": [],
    "label_name": '"y"',
    "loss_type": "fixed",
    "id_name": "None",
    "task_label_names": ["1", '"y"'],
}


@given(values=valid_values())
@example(values=ODD)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_valid_object_survives_every_form(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("forms")
    model = load(folder / "native", values)
    assert load(folder / "dump", model.to_json().encode()) == model
    dumped = json.loads(model.to_json())
    assert dumped.keys() >= LightGBMMtModelHyperparameters.model_fields.keys()
    encoded = {name: as_json_encoding_client(value) for name, value in dumped.items()}
    assert load(folder / "encoded", job=encoded) == model
    plain = {
        name: (as_json_encoding_client if name in IGNORED_NAMES else as_plain_text_client)(value)
        for name, value in dumped.items()
    }
    assert load(folder / "plain", job=plain) == model

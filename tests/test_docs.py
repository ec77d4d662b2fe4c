"""README.md and docs/: what they say is there is there, and what they tell to run runs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
from jobs import job_environment, metrics, model_file, predictions
from prepared_rows import prepared_rows
from recipes import ROOT, recipes
from trees import TASKS

from docs.hyperparameters import PAGE, page
from examples.tree import write_splits
from hyperparams.sources import load_hyperparameters

PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *(f"docs/{path.name}" for path in PAGE.parent.glob("*.md")),
]
MOST_README_BYTES = 10_000

# What the SageMaker Python SDK (3.27) calls the parameters that the recipes use.
SDK = {
    "sagemaker.core.training.configs": {
        "CheckpointConfig": {"s3_uri", "local_path"},
        "Compute": {"instance_type", "instance_count", "enable_managed_spot_training"},
        "InputData": {"channel_name", "data_source", "content_type"},
        "SourceCode": {"source_dir", "entry_script", "requirements", "command", "ignore_patterns"},
        "StoppingCondition": {"max_runtime_in_seconds", "max_wait_time_in_seconds"},
    },
    "sagemaker.train": {
        "ModelTrainer": {
            "training_image",
            "role",
            "source_code",
            "compute",
            "stopping_condition",
            "checkpoint_config",
            "environment",
            "hyperparameters",
        }
    },
}


def test_the_page_of_hyperparameters_is_in_step() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m docs.hyperparameters"


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= MOST_README_BYTES


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    for link in links:
        if re.match("https?://", link):
            continue
        target, _, anchor = link.partition("#")
        path = (ROOT / name).parent / target if target else ROOT / name
        assert path.exists(), f"{name}: {link}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}
            assert anchor in anchors, f"{name}: {link}"


def test_files_that_pages_name_are_there() -> None:
    for name in PAGES:
        text = (ROOT / name).read_text(encoding="utf-8")
        rooms = "benchmarks|common|docs|examples|hyperparams|models|processing|steps|tests"
        for path in re.findall(rf"`((?:{rooms})/[\w/]+(?:\.\w+|/))`", text):
            assert (ROOT / path).exists(), f"{name}: {path}"


def test_every_check_before_a_commit_is_one_of_the_test_script() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    script = (ROOT / "run_tests.sh").read_text(encoding="utf-8")
    steps = re.findall(r"^step (.+)$", script, re.MULTILINE)
    assert len(steps) >= 3
    for step in steps:
        assert f"-m {step.removesuffix(' .')}" in hooks, f"no hook for: {step}"


def splits_of_the_readme(values: dict[str, Any]) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(0)

    def table(n_rows: int) -> pd.DataFrame:
        columns: dict[str, Any] = {"id": [f"r{i}" for i in range(n_rows)]}
        columns |= {name: rng.normal(size=n_rows).round(3) for name in values["tab_field_list"]}
        columns |= {name: rng.choice(["a", "b"], n_rows) for name in values["cat_field_list"]}
        columns |= {name: rng.integers(0, 2, n_rows) for name in values["task_label_names"]}
        return pd.DataFrame(columns)

    return {"train": table(300), "val": table(100)}


def test_the_minimal_job_runs_by_the_command_of_the_readme(tmp_path: Path) -> None:
    values = json.loads(recipes("README.md", "json")[0])
    write_splits(tmp_path / "opt_ml", splits_of_the_readme(values), values)
    for name in ("lightgbmmt_training.py", "requirements.txt"):
        (tmp_path / name).symlink_to(ROOT / name)
    environ = job_environment(tmp_path)
    del environ["SAGEMAKER_BASE_DIR"]
    environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environ["PATH"]])
    command = recipes("README.md", "sh")[0]
    subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environ, check=True, timeout=300)
    assert set(metrics(tmp_path / "opt_ml", "val")) > {"task_2_isDDfrd", "aggregate"}


def test_stock_lightgbm_scores_prepared_features_as_the_readme_says(
    finished_job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepared_rows(finished_job, "test")
    # The order of the columns in the file is not that of the model.
    prepared[prepared.columns[::-1]].to_parquet(tmp_path / "features.parquet")
    (tmp_path / "model").symlink_to(finished_job / "model")
    monkeypatch.chdir(tmp_path)
    [recipe] = [text for text in recipes("README.md", "python") if "import lightgbm" in text]
    found: dict[str, Any] = {}
    exec(recipe, found)  # noqa: S102 - our own page
    wanted = predictions(finished_job, "test")[[f"{task}_prob" for task in TASKS]].to_numpy()
    np.testing.assert_allclose(found["probabilities"], wanted, atol=1e-6)
    assert model_file(finished_job).exists()
    assert found["lightgbm"] is lightgbm


class Part:
    """Stands for a class of the SDK: knows the names of its parameters, and keeps the values."""

    accepted: set[str]

    def __init__(self, **values: Any) -> None:
        unknown = set(values) - self.accepted
        assert not unknown, f"{type(self).__name__} has no {unknown}"
        self.given = values

    def train(self, input_data_config: list["Part"]) -> None:
        """What starts the job in the cloud."""
        self.channels = [data.given["channel_name"] for data in input_data_config]


def test_the_jobs_of_the_readme_are_what_sagemaker_passes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, classes in SDK.items():
        stand_in = ModuleType(module)
        for name, accepted in classes.items():
            setattr(stand_in, name, type(name, (Part,), {"accepted": accepted}))
        monkeypatch.setitem(sys.modules, module, stand_in)
    core = ModuleType("sagemaker.core")
    core.image_uris = ModuleType("image_uris")  # type: ignore[attr-defined]
    core.image_uris.retrieve = lambda **_: "an image"
    monkeypatch.setitem(sys.modules, "sagemaker.core", core)
    found: dict[str, Any] = {}
    trainers = []
    for recipe in recipes("README.md", "python"):
        if "ModelTrainer" in recipe:
            exec(recipe, found)  # noqa: S102 - our own page
            trainers.append(found["trainer"])
    assert len(trainers) == 2
    for trainer in trainers:
        assert trainer.channels == ["train", "val", "test"]
        # The SDK leaves text as it is and writes everything else as JSON.
        given = trainer.given["hyperparameters"]
        texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in given.items()}
        file = tmp_path / "hyperparameters.json"
        file.write_text(json.dumps(texts), encoding="utf-8")
        hyperparams = load_hyperparameters(tmp_path / "none", file, None)
        assert hyperparams.model_dump(include=set(given)) == given
    script = trainers[1].given["source_code"].given["entry_script"]
    assert (ROOT / script).exists()

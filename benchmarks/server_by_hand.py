"""What the server is compared with: the one that one would write by hand, with Flask and pandas.

It fills and maps with the artifacts of the model directory and predicts with stock LightGBM, on
Flask's development server, as such scripts mostly run. Types are guessed by pandas, so that it is
right only where guesses are.
"""

import io
import json
import logging
import pickle
from pathlib import Path

import flask
import lightgbm as lgb
import pandas as pd

from benchmarks.timing import run_as_program


def serve(model: str, port: int) -> None:
    """Serves the model until it is ended."""
    folder = Path(model)
    booster = lgb.Booster(model_file=folder / "lightgbmmt_model.txt")
    impute = pickle.loads((folder / "impute_dict.pkl").read_bytes())  # noqa: S301 - our own
    risks = pickle.loads((folder / "risk_table_map.pkl").read_bytes())  # noqa: S301 - our own
    features = json.loads((folder / "selected_features.json").read_text())["selected_features"]
    lines = (folder / "feature_columns.txt").read_text().splitlines()
    columns = [line.split(",", 1)[1] for line in lines if not line.startswith("#")]
    tasks = json.loads((folder / "hyperparameters.json").read_text())["task_label_names"]
    app = flask.Flask("by_hand")
    # A line per request on the terminal would be part of the measurement.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)

    def invocations() -> flask.Response:
        if flask.request.is_json:
            table = pd.DataFrame(flask.request.get_json()["instances"])
        else:
            table = pd.read_csv(io.BytesIO(flask.request.get_data()))
        data = table[features].copy()
        for column, mean in impute.items():
            # Of a lone null pandas makes an object.
            data[column] = data[column].astype(float).fillna(mean)
        for name, risk in risks.items():
            codes = table[risk.get("column", name)]
            data[name] = codes.map(risk["bins"]).fillna(risk["default_bin"])
        prob = pd.DataFrame(
            booster.predict(data[columns]), columns=[f"{task}_prob" for task in tasks]
        )
        return flask.jsonify(predictions=prob.to_dict("records"))

    app.add_url_rule("/invocations", view_func=invocations, methods=["POST"])
    app.run(host="127.0.0.1", port=port)


if __name__ == "__main__":
    run_as_program(serve)
